#include "actors/node/store.hpp"

#include "actors/node/backoff.hpp"
#include "base/log.hpp"

namespace gkm::node {
namespace log = base::log;

store_state::store_state(store_actor::pointer self, disk_port& disk, std::chrono::seconds keep)
    : self_(self), disk_(disk), keep_(keep) {}

store_actor::behavior_type store_state::make_behavior() {
  return {
      [this](recover_atom) { return recover(); },
      [this](claim_atom, const digest& d, const cache_ref& ref) { return claim(d, ref); },
      [this](release_atom, const digest& d, const cache_ref& ref) { release(d, ref); },
      [this](release_atom, const cache_ref& ref) { release_all(ref); },
      [this](pin_atom, const mounted_volume& v) { pin(v); },
      [this](unpin_atom, const mounted_volume& v) { unpin(v); },
      [this](stage_atom, uint64_t needed_bytes) { return stage(needed_bytes); },
      [this](publish_atom, const std::string& staging, const stored_cache& facts) {
        return publish(staging, facts);
      },
      [this](discard_atom, const std::string& staging) { discard(staging); },
      [this](record_atom, const catalog_record& r) { return record(r); },
      [this](forget_atom, const cache_ref& ref) { return forget(ref); },
      [this](collect_atom) { collect(); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

template <class T>
answer<T> store_state::back_here(std::function<void(result<T>)> then) {
  return [me = store_actor(self_), then = std::move(then)](result<T> outcome) {
    caf::anon_send(me, run_atom_v,
                   continuation{[then, outcome = std::move(outcome)] { then(outcome); }});
  };
}

caf::result<recovered> store_state::recover() {
  auto reply = self_->make_response_promise<recovered>();
  disk_.recover(back_here<recovered>([this, reply](result<recovered> found) mutable {
    for (const auto& facts : found ? found->stored : std::vector<stored_cache>()) {
      auto& e = entries_[facts.manifest];
      e.at = phase::present;
      e.facts = facts;
    }
    settle(reply, found);
    for (const auto& d : found ? found->unsynced : std::vector<digest>()) sync(d);
  }));
  return reply;
}

caf::result<stored_cache> store_state::claim(const digest& d, const cache_ref& ref) {
  auto& e = entries_[d];
  e.claims.insert(ref);
  e.left = 0;
  if (e.at == phase::present) return e.facts;
  return to_caf({errc::not_found, "Digest '" + d.str() + "' is not in the store", {}});
}

void store_state::release(const digest& d, const cache_ref& ref) {
  auto it = entries_.find(d);
  if (it == entries_.end()) return;
  it->second.claims.erase(ref);
  remove_if_unneeded(d);
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
}

void store_state::unpin(const mounted_volume& v) {
  auto it = entries_.find(v.manifest);
  if (it == entries_.end()) return;
  it->second.pins.erase(v.volume_id);
  remove_if_unneeded(v.manifest);
}

caf::result<std::string> store_state::stage(uint64_t needed_bytes) {
  auto reply = self_->make_response_promise<std::string>();
  disk_.stage(needed_bytes,
              back_here<std::string>([this, reply](const result<std::string>& dir) mutable {
                if (!dir && dir.error().code == errc::no_space) remove_all_unneeded();
                settle(reply, dir);
              }));
  return reply;
}

caf::result<stored_cache> store_state::publish(const std::string& staging,
                                               const stored_cache& facts) {
  auto reply = self_->make_response_promise<stored_cache>();
  publish_when_free(staging, facts, reply);
  return reply;
}

void store_state::publish_when_free(const std::string& staging, const stored_cache& facts,
                                    caf::typed_response_promise<stored_cache> reply) {
  auto& e = entries_[facts.manifest];
  switch (e.at) {
    case phase::absent:
      return publish_now(staging, facts, reply);
    case phase::removing:
    case phase::publishing:
      e.when_settled.push_back([=, this] { publish_when_free(staging, facts, reply); });
      return;
    case phase::present:
      discard(staging);
      reply.deliver(e.facts);
  }
}

void store_state::publish_now(const std::string& staging, const stored_cache& facts,
                              caf::typed_response_promise<stored_cache> reply) {
  auto& e = entries_[facts.manifest];
  e.at = phase::publishing;
  e.facts = facts;
  disk_.publish(staging, facts, back_here<done>([=, this](const result<done>& outcome) mutable {
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
                }));
}

void store_state::discard(const std::string& staging) {
  disk_.discard(staging, back_here<done>([staging](result<done> outcome) {
                  if (!outcome)
                    log::warn("Cannot remove staging directory; the next start will",
                              {{"dir", staging}, {"error", outcome.error().message}});
                }));
}

caf::result<std::string> store_state::record(const catalog_record& r) {
  auto reply = self_->make_response_promise<std::string>();
  disk_.write_record(r, back_here<std::string>([reply](const result<std::string>& path) mutable {
                       settle(reply, path);
                     }));
  return reply;
}

caf::result<bool> store_state::forget(const cache_ref& ref) {
  auto reply = self_->make_response_promise<bool>();
  disk_.forget(ref, back_here<done>([reply](const result<done>& outcome) mutable {
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
  it->second.at = phase::removing;
  disk_.remove(d, back_here<done>([this, d](result<done> outcome) { removed(d, outcome); }));
}

/// Whoever found no space tries again after a pause.
void store_state::remove_all_unneeded() {
  std::vector<digest> kept;
  for (const auto& [d, e] : entries_)
    if (e.left != 0) kept.push_back(d);
  for (const auto& d : kept) remove_now(d);
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
  if (outcome) remove_if_unneeded(d);
}

/// A publish that waited goes on, whether there is a copy now or not.
void store_state::settled(const digest& d) {
  for (auto& go_on : std::exchange(entries_[d].when_settled, {})) go_on();
}

void store_state::sync(const digest& d) {
  disk_.sync(d, back_here<done>([this, d](result<done> outcome) { synced(d, outcome); }));
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
  auto pause = pause_after({errc::io, {}, {}}, failures, no_spread).value_or(longest_pause);
  self_->delayed_send(self_, pause, run_atom_v, continuation{std::move(what)});
}

}  // namespace gkm::node
