#include "actors/operator/pull_secrets.hpp"

#include "base/backoff.hpp"
#include "base/log.hpp"
#include "messages/pull_secret.hpp"

namespace gkm::cluster {
namespace log = base::log;
namespace {

/// A registry that refuses good credentials must not make us read secrets all day.
constexpr std::chrono::milliseconds between_copies{60'000};

}  // namespace

pull_secrets_state::pull_secrets_state(pull_secrets_actor::pointer self, secrets_port& port,
                                       std::string own_ns, uint64_t seed)
    : self_(self), port_(port), own_ns_(std::move(own_ns)), chance_(seed) {}

pull_secrets_actor::behavior_type pull_secrets_state::make_behavior() {
  return {
      [this](wanted_atom, const cache_ref& ref, const std::vector<std::string>& names) {
        wanted(ref, names);
      },
      [this](withdraw_atom, const cache_ref& ref) { wanted(ref, {}); },
      [this](retry_atom, const cache_ref& ref) { login_failed(ref); },
      [this](lead_atom, bool acting) { set_acting(acting); },
      [this](flush_atom, const std::string& copy) { flush(copy); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

void pull_secrets_state::wanted(const cache_ref& ref, const std::vector<std::string>& names) {
  auto before = std::exchange(by_cache_[ref], {});
  for (const auto& name : names) {
    secret_ref from{ref.is_cluster() ? own_ns_ : ref.ns, name};
    auto copy = pull_secret_copy(from.ns, from.name);
    auto& e = copies_[copy];
    e.from = from;
    e.users.insert(ref);
    e.due = true;
    e.rest.cut_short();
    by_cache_[ref].insert(copy);
    before.erase(copy);
    proceed(copy);
  }
  if (names.empty()) by_cache_.erase(ref);
  for (const auto& copy : before) {
    auto& e = copies_[copy];
    e.users.erase(ref);
    e.due |= e.users.empty();
    if (e.users.empty()) e.rest.cut_short();
    proceed(copy);
  }
}

void pull_secrets_state::login_failed(const cache_ref& ref) {
  auto at = by_cache_.find(ref);
  if (at == by_cache_.end()) return;
  for (const auto& copy : at->second) {
    copies_[copy].due = true;
    proceed(copy);
  }
}

void pull_secrets_state::set_acting(bool acting) {
  acting_ = acting;
  if (!acting) return;
  for (auto& [copy, e] : copies_) {
    e.due = true;
    e.rest.cut_short();
    proceed(copy);
  }
  auto me = pull_secrets_actor(self_);
  port_.list([me, this](result<std::vector<std::string>> found) {
    caf::anon_send(
        me, run_atom_v, continuation{[=, this] {
          if (found) return sweep(*found);
          // The next leader, or cache, comes by; what is left does no harm.
          log::warn("Cannot list copies of pull secrets", {{"error", found.error().message}});
        }});
  });
}

/// Copies from before, of secrets that no cache names any more.
void pull_secrets_state::sweep(const std::vector<std::string>& found) {
  for (const auto& copy : found)
    if (copies_.try_emplace(copy).second) proceed(copy);
}

void pull_secrets_state::proceed(const std::string& copy) {
  auto& e = copies_[copy];
  if (!acting_ || e.busy || !e.due || e.rest.lasts(self_->clock().now())) return;
  e.busy = true;
  e.due = false;
  auto me = pull_secrets_actor(self_);
  bool drop = e.users.empty();
  auto reply = [me, this, copy, drop](result<done> outcome) {
    caf::anon_send(me, run_atom_v, continuation{[=, this] { finished(copy, drop, outcome); }});
  };
  if (drop)
    port_.drop(copy, reply);
  else
    port_.copy(e.from, reply);
}

void pull_secrets_state::finished(const std::string& copy, bool dropped,
                                  const result<done>& outcome) {
  auto& e = copies_[copy];
  e.busy = false;
  if (outcome) {
    e.failures = 0;
    if (dropped && e.users.empty()) {
      copies_.erase(copy);
      return;
    }
    // What people changed meanwhile is done at once; only nodes' complaints wait.
    if (dropped || e.users.empty() || e.due) {
      e.due = true;
      return proceed(copy);
    }
    return rest(copy, between_copies);
  }
  if (e.failures++ == 0)
    log::warn("Cannot keep a copy of a pull secret",
              {{"secret", e.from.ns + "/" + e.from.name}, {"error", outcome.error().message}});
  e.due = true;
  auto pause = base::pause_after({errc::unavailable, {}, {}}, e.failures, chance_());
  rest(copy, pause.value_or(base::longest_pause));
}

void pull_secrets_state::rest(const std::string& copy, std::chrono::milliseconds pause) {
  copies_[copy].rest.begin(self_->clock().now(), pause);
  self_->delayed_send(self_, pause, flush_atom_v, copy);
}

void pull_secrets_state::flush(const std::string& copy) {
  if (copies_.contains(copy)) proceed(copy);
}

}  // namespace gkm::cluster
