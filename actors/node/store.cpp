#include "actors/node/store.hpp"

#include "base/backoff.hpp"
#include "base/program/log.hpp"
#include "messages/actors/here.hpp"
#include "messages/assert.hpp"

namespace gkm::node {
namespace log = base::log;
namespace {

/// Well within the patience of who asks for a staging directory.
constexpr std::chrono::seconds making_room_limit{40};

}  // namespace

store_state::store_state(store_actor::pointer self, disk_port& disk, std::chrono::seconds keep,
                         std::shared_ptr<disk_ledger> ledger, std::optional<scrub_times> scrub)
    : self_(self), disk_(disk), keep_(keep), ledger_(std::move(ledger)), scrub_(scrub) {}

store_actor::behavior_type store_state::make_behavior() {
  if (scrub_) scrub_later(scrub_->first);
  return {
      [this](recover_atom) { return recover(); },
      [this](claim_atom, const digest& d, const cache_ref& ref) { return claim(d, ref); },
      [this](release_atom, const digest& d, const cache_ref& ref) { release(d, ref); },
      [this](release_atom, const cache_ref& ref) { release_all(ref); },
      [this](pin_atom, const mounted_volume& v) { pin(v); },
      [this](unpin_atom, const mounted_volume& v) { unpin(v); },
      [this](stage_atom, uint64_t needed_bytes) { return stage(needed_bytes); },
      [this](commit_atom, const std::string& staging, const stored_cache& facts) {
        return commit(staging, facts);
      },
      [this](discard_atom, const std::string& staging) { discard(staging); },
      [this](write_record_atom, const catalog_record& r) { return record(r); },
      [this](forget_atom, const cache_ref& ref) { return forget(ref); },
      [this](collect_atom) { collect(); },
      [this](caf::subscribe_atom, const node_actor& node) { node_ = node; },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

caf::result<recovered> store_state::recover() {
  auto reply = self_->make_response_promise<recovered>();
  disk_.recover(here<recovered>(store_actor(self_), [this, reply](result<recovered> found) mutable {
    for (const auto& facts : found ? found->stored : std::vector<stored_cache>()) {
      auto& e = entries_[facts.manifest];
      e.at = phase::present;
      e.facts = facts;
      e.used_at = ++stamp_;  // they come in the order in which they were wanted last
    }
    // What was a tenant's before stays so, even if its limit has become smaller.
    for (const auto& r : found ? found->records : std::vector<catalog_record>()) {
      auto it = entries_.find(r.manifest);
      if (r.state != cache_state::extracted || it == entries_.end()) continue;
      it->second.claims.insert(r.ref);
      claims_changed(it->first, it->second);
    }
    settle(reply, found);
    for (const auto& d : found ? found->unsynced : std::vector<digest>()) sync(d);
  }));
  return reply;
}

caf::result<stored_cache> store_state::claim(const digest& d, const cache_ref& ref) {
  if (auto fits = ledger_->with([&](disk_budget& b) { return b.admit(d, ref.ns); }); !fits)
    return to_caf(fits.error());
  auto& e = entries_[d];
  e.claims.insert(ref);
  e.left = 0;
  e.used_at = ++stamp_;
  claims_changed(d, e);
  error absent{errc::not_found, "Digest '" + d.str() + "' is not in the store", {}};
  if (e.at != phase::present) return to_caf(absent);
  auto reply = self_->make_response_promise<stored_cache>();
  check(d, [this, d, reply, absent](bool whole) mutable {
    auto it = entries_.find(d);
    bool there = whole && it != entries_.end() && it->second.at == phase::present;
    settle<stored_cache>(reply, there ? result<stored_cache>(it->second.facts) : fail(absent));
  });
  return reply;
}

void store_state::release(const digest& d, const cache_ref& ref) {
  auto it = entries_.find(d);
  if (it == entries_.end()) return;
  it->second.claims.erase(ref);
  it->second.used_at = ++stamp_;
  claims_changed(d, it->second);
  remove_if_unneeded(d);
  relieve_if_crowded();
}

void store_state::release_all(const cache_ref& ref) {
  std::vector<digest> claimed;
  for (const auto& [d, e] : entries_)
    if (e.claims.contains(ref)) claimed.push_back(d);
  for (const auto& d : claimed) release(d, ref);
}

void store_state::pin(const mounted_volume& v) {
  auto& e = entries_[v.manifest];
  e.pins.insert(v.volume_id);
  e.left = 0;
  // A volume that is about to be mounted is not, if what it is to show is damaged.
  if (e.at == phase::present) check(v.manifest, [](bool) {});
}

void store_state::unpin(const mounted_volume& v) {
  auto it = entries_.find(v.manifest);
  if (it == entries_.end()) return;
  it->second.pins.erase(v.volume_id);
  it->second.used_at = ++stamp_;
  remove_if_unneeded(v.manifest);
  relieve_if_crowded();
}

caf::result<std::string> store_state::stage(uint64_t needed_bytes) {
  auto reply = self_->make_response_promise<std::string>();
  stage_when_free(needed_bytes, self_->clock().now() + making_room_limit, reply);
  return reply;
}

/// Room is made as long as there is something to make it with, but not for what no limit allows.
void store_state::stage_when_free(uint64_t needed_bytes, time_point until,
                                  caf::typed_response_promise<std::string> reply) {
  disk_.stage(
      needed_bytes,
      here<std::string>(store_actor(self_), [=, this](const result<std::string>& dir) mutable {
        bool helps = !dir && dir.error().code == errc::no_space && self_->clock().now() < until &&
                     ledger_->with([&](disk_budget& b) {
                       return b.can_ever_fit(expected_room(needed_bytes));
                     });
        auto* oldest = helps ? least_recently_used() : nullptr;
        if (!oldest) return settle(reply, dir);
        oldest->when_settled.push_back([=, this] { stage_when_free(needed_bytes, until, reply); });
        remove_now(oldest->facts.manifest);
      }));
}

caf::result<stored_cache> store_state::commit(const std::string& staging,
                                              const stored_cache& facts) {
  auto reply = self_->make_response_promise<stored_cache>();
  commit_when_free(staging, facts, reply);
  return reply;
}

void store_state::commit_when_free(const std::string& staging, const stored_cache& facts,
                                   caf::typed_response_promise<stored_cache> reply) {
  auto& e = entries_[facts.manifest];
  switch (e.at) {
    case phase::absent:
      return commit_now(staging, facts, reply);
    case phase::removing:
    case phase::committing:
      e.when_settled.push_back([=, this] { commit_when_free(staging, facts, reply); });
      return;
    case phase::present:
      discard(staging);
      reply.deliver(e.facts);
  }
}

void store_state::commit_now(const std::string& staging, const stored_cache& facts,
                             caf::typed_response_promise<stored_cache> reply) {
  auto& e = entries_[facts.manifest];
  GKM_ASSERT(e.at == phase::absent);
  e.at = phase::committing;
  e.facts = facts;
  disk_.commit(staging, facts,
               here<done>(store_actor(self_), [=, this](const result<done>& outcome) mutable {
                 GKM_ASSERT(entries_[facts.manifest].at == phase::committing);
                 entries_[facts.manifest].at = outcome ? phase::present : phase::absent;
                 settle<stored_cache>(reply, outcome.map([&](done) { return facts; }));
                 if (outcome) {
                   log::info("Stored", {{"digest", facts.manifest.str()}, {"bytes", facts.bytes}});
                   sync(facts.manifest);
                 } else {
                   discard(staging);
                 }
                 settled(facts.manifest);
                 remove_if_unneeded(facts.manifest);
                 relieve_if_crowded();
               }));
}

void store_state::discard(const std::string& staging) {
  disk_.discard(staging, here<done>(store_actor(self_), [staging](result<done> outcome) {
                  if (!outcome)
                    log::warn("Cannot remove staging directory; the next start will",
                              {{"dir", staging}, {"error", outcome.error().message}});
                }));
}

caf::result<std::string> store_state::record(const catalog_record& r) {
  auto reply = self_->make_response_promise<std::string>();
  disk_.write_record(
      r, here<std::string>(store_actor(self_), [reply](const result<std::string>& path) mutable {
        settle(reply, path);
      }));
  return reply;
}

caf::result<bool> store_state::forget(const cache_ref& ref) {
  auto reply = self_->make_response_promise<bool>();
  disk_.forget(ref, here<done>(store_actor(self_), [reply](const result<done>& outcome) mutable {
                 settle<bool>(reply, outcome.map([](done) { return true; }));
               }));
  return reply;
}

void store_state::collect() {
  collecting_ = true;
  std::vector<digest> all;
  for (const auto& [d, e] : entries_) all.push_back(d);
  for (const auto& d : all) remove_if_unneeded(d);
}

void store_state::remove_if_unneeded(const digest& d) {
  auto it = entries_.find(d);
  if (it == entries_.end() || !it->second.claims.empty() || !it->second.pins.empty()) return;
  auto& e = it->second;
  if (e.at == phase::absent) {
    entries_.erase(it);
  } else if (e.at == phase::present && collecting_ && e.left == 0) {
    if (keep_.count() == 0) return remove_now(d);
    e.left = ++stamp_;
    auto over = [this, d, left = e.left] {
      if (auto now = entries_.find(d); now != entries_.end() && now->second.left == left)
        remove_now(d);
    };
    self_->delayed_send(self_, keep_, run_atom_v, continuation{over});
  }
}

void store_state::remove_now(const digest& d) {
  auto it = entries_.find(d);
  if (it == entries_.end() || it->second.at != phase::present) return;
  if (!it->second.claims.empty() || !it->second.pins.empty()) return;
  GKM_ASSERT(it->second.pins.empty() && it->second.claims.empty());
  it->second.at = phase::removing;
  disk_.remove(
      d, here<done>(store_actor(self_), [this, d](result<done> outcome) { removed(d, outcome); }));
}

void store_state::claims_changed(const digest& d, const entry& e) {
  std::set<std::string> tenants;
  for (const auto& ref : e.claims) tenants.insert(ref.ns);
  ledger_->with([&](disk_budget& b) { b.claimed_by(d, std::move(tenants)); });
}

/// Of what is here and nobody needs. What could not be removed is tried in its own time.
store_state::entry* store_state::least_recently_used() {
  entry* oldest = nullptr;
  for (auto& [d, e] : entries_) {
    bool may_go = e.at == phase::present && e.claims.empty() && e.pins.empty() && e.failures == 0;
    if (collecting_ && may_go && (!oldest || e.used_at < oldest->used_at)) oldest = &e;
  }
  return oldest;
}

/// One at a time: whether the next one has to go is known when this one is gone.
void store_state::relieve_if_crowded() {
  if (!ledger_->with([](disk_budget& b) { return b.is_crowded(); })) return;
  for (const auto& [d, e] : entries_)
    if (e.at == phase::removing) return;
  if (auto* oldest = least_recently_used()) remove_now(oldest->facts.manifest);
}

void store_state::removed(const digest& d, const result<done>& outcome) {
  auto& e = entries_[d];
  if (!outcome) {
    auto* say = outcome.error().code == errc::busy ? &log::info : &log::warn;
    say("Not removed from the store", {{"digest", d.str()}, {"why", outcome.error().message}});
    e.at = phase::present;
    later([this, d] { remove_now(d); }, ++e.failures);
  } else {
    log::info("Removed", {{"digest", d.str()}, {"bytes", e.facts.bytes}});
    e.at = phase::absent;
    e.facts = {};
    e.failures = 0;
    e.left = 0;
  }
  settled(d);
  relieve_if_crowded();
  if (outcome) remove_if_unneeded(d);
}

/// A commit that waited goes on, whether there is a copy now or not.
void store_state::settled(const digest& d) {
  for (auto& go_on : std::exchange(entries_[d].when_settled, {})) go_on();
}

// -- damage ---------------------------------------------------------------------------------------

void store_state::check(const digest& d, std::function<void(bool)> then) {
  disk_.check(d, check_depth::names,
              here<done>(store_actor(self_),
                         [this, d, then = std::move(then)](const result<done>& outcome) {
                           if (outcome) return then(true);
                           if (outcome.error().code == errc::corrupt)
                             return damaged(d, outcome.error(), [then] { then(false); });
                           log::warn("Cannot check what is stored",
                                     {{"digest", d.str()}, {"error", outcome.error().message}});
                           then(true);
                         }));
}

void store_state::scrub_later(std::chrono::seconds pause) {
  self_->delayed_send(self_, pause, run_atom_v, continuation{[this] { scrub_next(); }});
}

void store_state::scrub_next() {
  auto next = entries_.upper_bound(scrubbed_);
  while (next != entries_.end() && next->second.at != phase::present) ++next;
  if (next == entries_.end()) {
    scrubbed_ = {};
    return scrub_later(scrub_->round);
  }
  scrubbed_ = next->first;
  disk_.check(scrubbed_, check_depth::every_byte,
              here<done>(store_actor(self_), [this, d = scrubbed_](const result<done>& outcome) {
                scrub_later(scrub_->between);
                if (outcome) return;
                if (outcome.error().code == errc::corrupt) return damaged(d, outcome.error());
                auto it = entries_.find(d);
                if (it != entries_.end() && it->second.at == phase::present)
                  log::warn("Cannot check what is stored",
                            {{"digest", d.str()}, {"error", outcome.error().message}});
              }));
}

void store_state::damaged(const digest& d, const error& why, std::function<void()> then) {
  auto& e = entries_[d];
  if (then) e.when_settled.push_back(std::move(then));
  // Somebody else found it, or it is going anyway.
  if (e.at == phase::removing) return;
  if (e.at != phase::present) return settled(d);
  log::error("What is stored is damaged and is pulled again",
             {{"digest", d.str()}, {"why", why.message}});
  e.at = phase::removing;
  set_aside(d);
}

void store_state::set_aside(const digest& d) {
  disk_.set_aside(d, here<done>(store_actor(self_), [this, d](const result<done>& outcome) {
                    auto& e = entries_[d];
                    if (!outcome) {
                      log::error("Cannot take damaged content out of the store",
                                 {{"digest", d.str()}, {"error", outcome.error().message}});
                      return later([this, d] { set_aside(d); }, ++e.failures);
                    }
                    e.at = phase::absent;
                    e.facts = {};
                    e.failures = 0;
                    e.left = 0;
                    if (node_) self_->send(node_, damaged_atom_v, d);
                    settled(d);
                    remove_if_unneeded(d);
                  }));
}

void store_state::sync(const digest& d) {
  disk_.sync(
      d, here<done>(store_actor(self_), [this, d](result<done> outcome) { synced(d, outcome); }));
}

void store_state::synced(const digest& d, const result<done>& outcome) {
  auto it = entries_.find(d);
  if (it == entries_.end() || it->second.at != phase::present) return;
  if (outcome) {
    it->second.failures = 0;
    return;
  }
  log::warn("Cannot sync", {{"digest", d.str()}, {"error", outcome.error().message}});
  later([this, d] { sync(d); }, ++it->second.failures);
}

void store_state::later(std::function<void()> what, uint32_t failures) {
  constexpr uint64_t no_spread = 0;
  auto pause =
      base::pause_after({errc::io, {}, {}}, failures, no_spread).value_or(base::longest_pause);
  self_->delayed_send(self_, pause, run_atom_v, continuation{std::move(what)});
}

}  // namespace gkm::node
