#include "actors/node/puller.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace gkm::node {
namespace log = base::log;
namespace {

constexpr std::chrono::seconds store_limit{60};
constexpr std::chrono::seconds publish_limit{100};  ///< may wait for an old copy to be removed

}  // namespace

puller_state::puller_state(puller_actor::pointer self, image_port& images, store_actor store)
    : self_(self), images_(images), store_(std::move(store)) {}

puller_state::~puller_state() {
  for (auto& [d, t] : transfers_) {
    t.stop.request_stop();
    for (auto& [ref, a] : t.askers)
      a.reply.deliver(to_caf({errc::cancelled, "The puller is shutting down", {}}));
  }
}

puller_actor::behavior_type puller_state::make_behavior() {
  return {
      [this](resolve_atom, const cache_spec& wanted, const std::vector<gpu>& gpus) {
        return resolve(wanted, gpus);
      },
      [this](pull_atom, const image_plan& plan, const cache_ref& ref, cache_actor who) {
        return pull(plan, ref, std::move(who));
      },
      [this](abandon_atom, const digest& d, const cache_ref& ref) { abandon(d, ref); },
      [this](progress_atom, const digest& d, uint64_t bytes, uint64_t total) {
        progressed(d, bytes, total);
      },
      [this](watchdog_atom, const digest& d, uint64_t moves) { watch(d, moves); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

caf::result<image_plan> puller_state::resolve(const cache_spec& wanted,
                                              const std::vector<gpu>& gpus) {
  auto reply = self_->make_response_promise<image_plan>();
  images_.resolve(wanted, gpus, [me = puller_actor(self_), reply](result<image_plan> plan) {
    caf::anon_send(me, run_atom_v, continuation{[reply, plan]() mutable { settle(reply, plan); }});
  });
  return reply;
}

caf::result<stored_cache> puller_state::pull(const image_plan& plan, const cache_ref& ref,
                                             cache_actor who) {
  auto reply = self_->make_response_promise<stored_cache>();
  begin(plan, ref, {reply, std::move(who), plan});
  start_next();
  return reply;
}

/// A new transfer, or one more asker of one that is under way.
void puller_state::begin(const image_plan& plan, const cache_ref& ref, asker who) {
  auto [it, fresh] = transfers_.try_emplace(plan.manifest);
  auto& t = it->second;
  if (fresh) {
    t.id = next_id_++;
    t.plan = plan;
    queue_.push_back(plan.manifest);
  }
  if (auto asked = t.askers.find(ref); asked != t.askers.end())
    asked->second.reply.deliver(to_caf({errc::cancelled, "Asked again", {}}));
  t.askers.insert_or_assign(ref, std::move(who));
}

void puller_state::abandon(const digest& d, const cache_ref& ref) {
  auto it = transfers_.find(d);
  if (it == transfers_.end()) return;
  auto& t = it->second;
  if (auto asked = t.askers.find(ref); asked != t.askers.end()) {
    asked->second.reply.deliver(to_caf({errc::cancelled, "Not wanted any more", {}}));
    t.askers.erase(asked);
  }
  if (!t.askers.empty()) return;
  log::info("Transfer stopped, nobody wants it", {{"digest", d.str()}});
  finish(d, fail(errc::cancelled, "Not wanted any more"));
}

void puller_state::start_next() {
  while (running_ < transfers_max && !queue_.empty()) {
    auto d = queue_.front();
    queue_.pop_front();
    auto it = transfers_.find(d);
    if (it == transfers_.end() || it->second.running) continue;
    it->second.running = true;
    ++running_;
    stage(it->second);
  }
}

void puller_state::stage(transfer& t) {
  auto d = t.plan.manifest;
  auto needed = t.plan.unpacked_bytes ? t.plan.unpacked_bytes : t.plan.layer_bytes * unpack_factor;
  gkm::ask(self_, store_, store_limit, stage_atom_v, needed)
      .then(
          [this, d, id = t.id](const std::string& dir) {
            auto* now = find(d, id);
            if (!now) return self_->send(store_, discard_atom_v, dir);
            now->staging = dir;
            fetch(*now);
          },
          [this, d, id = t.id](const caf::error& e) {
            if (find(d, id)) finish(d, fail(from_caf(e)));
          });
}

void puller_state::fetch(transfer& t) {
  auto d = t.plan.manifest;
  log::info("Pulling",
            {{"image", t.plan.image.str()}, {"digest", d.str()}, {"bytes", t.plan.layer_bytes}});
  auto me = puller_actor(self_);
  images_.fetch(
      t.plan, t.staging,
      [me, d](uint64_t bytes, uint64_t total) {
        caf::anon_send(me, progress_atom_v, d, bytes, total);
      },
      t.stop.get_token(),
      [me, this, d, id = t.id, staging = t.staging](result<stored_cache> outcome) {
        caf::anon_send(me, run_atom_v,
                       continuation{[=, this] { fetched(d, id, staging, outcome); }});
      });
  watch(d, std::exchange(t.moves, ++stamp_));
}

void puller_state::fetched(const digest& d, uint64_t id, const std::string& staging,
                           const result<stored_cache>& outcome) {
  auto* t = find(d, id);
  // Only now has the transfer let go of its staging directory, whatever became of the askers.
  if (!t || !outcome) self_->send(store_, discard_atom_v, staging);
  if (!t) return;
  if (!outcome) return finish(d, fail(outcome.error()));
  publish(*t, *outcome);
}

void puller_state::publish(transfer& t, const stored_cache& facts) {
  auto d = t.plan.manifest;
  t.moves = ++stamp_;
  gkm::ask(self_, store_, publish_limit, publish_atom_v, t.staging, facts)
      .then(
          [this, d, id = t.id](const stored_cache& stored) {
            if (find(d, id)) finish(d, stored);
          },
          [this, d, id = t.id](const caf::error& e) {
            if (find(d, id)) finish(d, fail(from_caf(e)));
          });
}

void puller_state::progressed(const digest& d, uint64_t bytes, uint64_t total) {
  auto it = transfers_.find(d);
  if (it == transfers_.end()) return;
  it->second.moves = ++stamp_;
  for (auto& [ref, a] : it->second.askers) self_->send(a.who, progress_atom_v, d, bytes, total);
}

void puller_state::watch(const digest& d, uint64_t moves_before) {
  auto it = transfers_.find(d);
  if (it == transfers_.end() || !it->second.running) return;
  auto& t = it->second;
  if (t.moves == moves_before) {
    log::warn("Transfer shows no progress, given up", {{"digest", d.str()}});
    return finish(
        d, fail(errc::unavailable, "Pulling '" + t.plan.image.str() + "' made no progress for " +
                                       std::to_string(silence_max.count()) + " s"));
  }
  self_->delayed_send(self_, silence_max, watchdog_atom_v, d, t.moves);
}

void puller_state::finish(const digest& d, const result<stored_cache>& outcome) {
  auto node = transfers_.extract(d);
  auto& t = node.mapped();
  t.stop.request_stop();
  if (t.running) --running_;
  for (auto& [ref, a] : t.askers) {
    if (outcome || (a.plan.image == t.plan.image && a.plan.pull_secrets == t.plan.pull_secrets))
      settle(a.reply, outcome);
    else
      begin(a.plan, ref, a);
  }
  start_next();
}

puller_state::transfer* puller_state::find(const digest& d, uint64_t id) {
  auto it = transfers_.find(d);
  return it != transfers_.end() && it->second.id == id ? &it->second : nullptr;
}

}  // namespace gkm::node
