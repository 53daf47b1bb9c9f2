#include "actors/node/puller.hpp"

#include "base/program/log.hpp"
#include "messages/actors/here.hpp"
#include "messages/assert.hpp"

#include <algorithm>

namespace gkm::node {
namespace log = base::log;
namespace {

constexpr std::chrono::seconds store_limit{60};
constexpr std::chrono::seconds commit_limit{100};  ///< may wait for an old copy to be removed

}  // namespace

puller_state::puller_state(puller_actor::pointer self, image_port& images, store_actor store)
    : self_(self),
      images_(images),
      store_(std::move(store)),
      questions_([self](std::chrono::seconds pause, std::function<void()> what) {
        self->delayed_send(self, pause, run_atom_v, continuation{std::move(what)});
      }) {}

puller_state::~puller_state() {
  for (auto& [id, t] : transfers_) {
    t.stop.request_stop();
    for (auto& [ref, a] : t.requesters)
      a.reply.deliver(to_caf({errc::cancelled, "The puller is shutting down", {}}));
  }
}

puller_actor::behavior_type puller_state::make_behavior() {
  return {
      [this](resolve_atom, const cache_spec& wanted, const std::vector<gpu>& gpus) {
        return resolve(wanted, gpus);
      },
      [this](prove_atom, const image_plan& plan, const cache_ref& ref) { return prove(plan, ref); },
      [this](origin_atom, const digest& d, const image_ref& image) { origins_.recorded(d, image); },
      [this](pull_atom, const image_plan& plan, const cache_ref& ref, cache_actor who) {
        return pull(plan, ref, std::move(who));
      },
      [this](abandon_atom, const digest& d, const cache_ref& ref) { abandon(d, ref); },
      [this](abandon_atom, const cache_ref& ref) { questions_.abandon(ref); },
      [this](progress_atom, uint64_t id, uint64_t bytes, uint64_t total) {
        progressed(id, bytes, total);
      },
      [this](watchdog_atom, uint64_t id, uint64_t moves) { watch(id, moves); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

// -- questions ----------------------------------------------------------------------------------

template <class T>
caf::result<T> puller_state::ask(const cache_ref& who, const image_ref& image,
                                 std::function<void(std::stop_token, answer<T>)> begin,
                                 std::function<void(const T&)> learn) {
  auto reply = self_->make_response_promise<T>();
  auto answered = [this, who, reply, learn = std::move(learn)](uint64_t id, result<T> outcome) {
    if (!questions_.answered(who, id)) return;
    if (outcome) learn(*outcome);
    auto to = reply;
    settle(to, outcome);
  };
  questions_.ask(
      who, image,
      [me = puller_actor(self_), begin = std::move(begin), answered](uint64_t id,
                                                                     std::stop_token stop) {
        begin(std::move(stop),
              here<T>(me, [answered, id](const result<T>& outcome) { answered(id, outcome); }));
      },
      [reply](const error& e) mutable { reply.deliver(to_caf(e)); });
  return reply;
}

caf::result<image_plan> puller_state::resolve(const cache_spec& wanted,
                                              const std::vector<gpu>& gpus) {
  return ask<image_plan>(
      wanted.ref, wanted.image,
      [this, wanted, gpus](std::stop_token stop, answer<image_plan> reply) {
        images_.resolve(wanted, gpus, std::move(stop), std::move(reply));
      },
      [](const image_plan&) {});
}

caf::result<bool> puller_state::prove(const image_plan& plan, const cache_ref& ref) {
  switch (origins_.of(plan)) {
    case origins::standing::proven:
      return true;
    case origins::standing::unknown:
      return false;
    case origins::standing::known:
      break;
  }
  return ask<bool>(
      ref, plan.image,
      [this, plan](std::stop_token stop, answer<bool> reply) {
        images_.prove(plan, std::move(stop), std::move(reply));
      },
      [this, plan](bool may_read) {
        if (may_read) origins_.proved(plan);
      });
}

// -- transfers ----------------------------------------------------------------------------------

caf::result<stored_cache> puller_state::pull(const image_plan& plan, const cache_ref& ref,
                                             cache_actor who) {
  auto reply = self_->make_response_promise<stored_cache>();
  begin(plan, ref, {reply, std::move(who), plan});
  start_due();
  tell_if_waiting(plan, ref);
  return reply;
}

/// A new transfer, or one more requester of one that is under way.
void puller_state::begin(const image_plan& plan, const cache_ref& ref, requester who) {
  auto [known, fresh] = by_source_.try_emplace(source_of(plan), next_id_);
  if (fresh) {
    auto& made = transfers_[next_id_];
    made.id = next_id_++;
    made.plan = plan;
  }
  auto& t = transfers_.at(known->second);
  if (auto asked = t.requesters.find(ref); asked != t.requesters.end()) {
    asked->second.reply.deliver(to_caf({errc::cancelled, "Asked again", {}}));
    asked->second = std::move(who);
    return;
  }
  bool in_line = std::any_of(t.requesters.begin(), t.requesters.end(),
                             [&ref](const auto& other) { return other.first.ns == ref.ns; });
  bool taken_up = t.at != phase::waiting || in_line ||
                  turns_.push(ref.ns, t.id) == base::turn_entry::queued || !t.requesters.empty();
  if (!taken_up) {
    transfers_.erase(t.id);
    by_source_.erase(known);
    who.reply.deliver(to_caf({errc::busy, "Too many images wait to be pulled", {}}));
    return;
  }
  t.requesters.emplace(ref, std::move(who));
}

void puller_state::abandon(const digest& d, const cache_ref& ref) {
  for (auto at = by_source_.lower_bound({d, {}}); at != by_source_.end() && at->first.first == d;) {
    auto id = (at++)->second;
    if (auto& t = transfers_.at(id); t.requesters.contains(ref)) leave(t, ref);
  }
}

void puller_state::leave(transfer& t, const cache_ref& ref) {
  auto gone = t.requesters.extract(ref);
  gone.mapped().reply.deliver(to_caf({errc::cancelled, "Not wanted any more", {}}));
  bool login_is_wanted =
      std::any_of(t.requesters.begin(), t.requesters.end(),
                  [&t](const auto& other) { return has_login_of(other.second, t); });
  if (t.requesters.empty() || (!login_is_wanted && t.at != phase::waiting)) {
    log::info("Transfer stopped, nobody wants it", {{"digest", t.plan.manifest.str()}});
    return finish(t.id, fail(errc::cancelled, "Not wanted any more"));
  }
  bool last_of_tenant =
      std::none_of(t.requesters.begin(), t.requesters.end(),
                   [&ref](const auto& other) { return other.first.ns == ref.ns; });
  if (last_of_tenant) turns_.remove(ref.ns, t.id);
}

void puller_state::start_due() {
  while (auto turn = turns_.next()) {
    auto& t = transfers_.at(turn->item);
    t.tenant = turn->tenant;
    GKM_ASSERT(t.at == phase::waiting);
    t.at = phase::staging;
    // The place is this tenant's, and so is the login.
    auto first = std::find_if(t.requesters.begin(), t.requesters.end(),
                              [&t](const auto& asked) { return asked.first.ns == t.tenant; });
    GKM_ASSERT(first != t.requesters.end());
    t.plan = first->second.plan;
    for (auto& [ref, a] : t.requesters)
      if (a.waits) self_->send(a.who, waits_atom_v, t.plan.manifest, false);
    stage(t);
  }
}

/// Most transfers never wait, and nothing is said of it.
void puller_state::tell_if_waiting(const image_plan& plan, const cache_ref& ref) {
  auto known = by_source_.find(source_of(plan));
  if (known == by_source_.end()) return;
  auto& t = transfers_.at(known->second);
  if (t.at != phase::waiting) return;
  auto& a = t.requesters.at(ref);
  a.waits = true;
  self_->send(a.who, waits_atom_v, plan.manifest, true);
}

void puller_state::stage(transfer& t) {
  auto needed = t.plan.expected_bytes();
  gkm::ask(self_, store_, store_limit, stage_atom_v, needed)
      .then(
          [this, id = t.id](const std::string& dir) {
            auto* now = find(id);
            if (!now) return self_->send(store_, discard_atom_v, dir);
            now->staging = dir;
            fetch(*now);
          },
          [this, id = t.id](const caf::error& e) {
            if (find(id)) finish(id, fail(from_caf(e)));
          });
}

void puller_state::fetch(transfer& t) {
  log::info("Pulling", {{"image", t.plan.image.str()},
                        {"digest", t.plan.manifest.str()},
                        {"bytes", t.plan.layer_bytes}});
  GKM_ASSERT(t.at == phase::staging && !t.staging.empty());
  t.at = phase::fetching;
  auto me = puller_actor(self_);
  images_.fetch(
      t.plan, t.staging,
      [me, id = t.id](uint64_t bytes, uint64_t total) {
        caf::anon_send(me, progress_atom_v, id, bytes, total);
      },
      t.stop.get_token(),
      here<stored_cache>(me, [this, id = t.id, staging = t.staging](const auto& outcome) {
        fetched(id, staging, outcome);
      }));
  watch(t.id, std::exchange(t.moves, ++stamp_));
  time_rate(t);
}

void puller_state::fetched(uint64_t id, const std::string& staging,
                           const result<stored_cache>& outcome) {
  auto* t = find(id);
  // Only now has the transfer let go of its staging directory, whatever became of the requesters.
  if (!t || !outcome) self_->send(store_, discard_atom_v, staging);
  if (!t) return;
  if (!outcome) return finish(id, fail(outcome.error()));
  origins_.proved(t->plan);
  commit(*t, *outcome);
}

void puller_state::commit(transfer& t, const stored_cache& facts) {
  GKM_ASSERT(t.at == phase::fetching);
  t.at = phase::committing;
  t.moves = ++stamp_;
  gkm::ask(self_, store_, commit_limit, commit_atom_v, t.staging, facts)
      .then(
          [this, id = t.id](const stored_cache& stored) {
            if (find(id)) finish(id, stored);
          },
          [this, id = t.id](const caf::error& e) {
            if (find(id)) finish(id, fail(from_caf(e)));
          });
}

void puller_state::progressed(uint64_t id, uint64_t bytes, uint64_t total) {
  auto* t = find(id);
  if (!t) return;
  t->moves = ++stamp_;
  t->bytes = bytes;
  t->total = total;
  for (auto& [ref, a] : t->requesters)
    self_->send(a.who, progress_atom_v, t->plan.manifest, bytes, total);
}

void puller_state::watch(uint64_t id, uint64_t moves_before) {
  auto* t = find(id);
  if (!t) return;
  if (t->moves == moves_before) {
    log::warn("Transfer shows no progress, given up", {{"digest", t->plan.manifest.str()}});
    return finish(
        id, fail(errc::unavailable, "Pulling '" + t->plan.image.str() + "' made no progress for " +
                                        std::to_string(silence_max.count()) + " s"));
  }
  self_->delayed_send(self_, silence_max, watchdog_atom_v, id, t->moves);
}

void puller_state::time_rate(const transfer& t) {
  auto slow = gave_way_.find(source_of(t.plan));
  auto window = rate_window * (1 << (slow == gave_way_.end() ? 0 : slow->second));
  self_->delayed_send(
      self_, window, run_atom_v,
      continuation{[this, id = t.id, bytes = t.bytes, window] { check_rate(id, bytes, window); }});
}

void puller_state::check_rate(uint64_t id, uint64_t bytes_before, std::chrono::seconds window) {
  auto* t = find(id);
  if (!t || t->at != phase::fetching) return;
  auto moved = t->bytes - std::min(bytes_before, t->bytes);
  auto least = rate_least_bytes * static_cast<uint64_t>(window / rate_window);
  bool all_there = t->total > 0 && t->bytes >= t->total;
  if (moved < least && !all_there && is_in_the_way(*t)) return give_way(*t, moved, window);
  time_rate(*t);
}

/// Whether a waiting transfer, or a requester with a login of its own, could use the place better.
bool puller_state::is_in_the_way(const transfer& t) const {
  return turns_.contended() || turns_.waiting_of(t.tenant) > 0 ||
         std::any_of(t.requesters.begin(), t.requesters.end(),
                     [&t](const auto& asked) { return !has_login_of(asked.second, t); });
}

void puller_state::give_way(const transfer& t, uint64_t bytes, std::chrono::seconds window) {
  log::warn("Slow transfer gives way to others",
            {{"image", t.plan.image.str()}, {"bytes", bytes}, {"seconds", window.count()}});
  if (gave_way_.size() >= slow_images_max) gave_way_.clear();
  auto& times = gave_way_[source_of(t.plan)];
  times = std::min(times + 1, rate_window_doublings_max);
  finish(t.id, fail(errc::unavailable, "Pulling '" + t.plan.image.str() +
                                           "' gave way to others that waited: its registry sent " +
                                           std::to_string(bytes) + " bytes in " +
                                           std::to_string(window.count()) +
                                           " s; it is tried again after them"));
}

void puller_state::finish(uint64_t id, const result<stored_cache>& outcome) {
  auto node = transfers_.extract(id);
  auto& t = node.mapped();
  by_source_.erase(source_of(t.plan));
  if (outcome) gave_way_.erase(source_of(t.plan));
  t.stop.request_stop();
  if (t.at == phase::waiting)
    turns_.remove(id);
  else
    turns_.done(t.tenant);
  for (auto& [ref, a] : t.requesters) {
    if (has_login_of(a, t))
      settle(a.reply, outcome);
    else if (outcome)
      a.reply.deliver(to_caf({errc::conflict, "It was brought by another login", {}}));
    else
      begin(a.plan, ref, {a.reply, a.who, a.plan});
  }
  start_due();
  for (auto& [ref, a] : t.requesters)
    if (!outcome && !has_login_of(a, t)) tell_if_waiting(a.plan, ref);
}

puller_state::transfer* puller_state::find(uint64_t id) {
  auto it = transfers_.find(id);
  return it != transfers_.end() ? &it->second : nullptr;
}

}  // namespace gkm::node
