#include "actors/operator/rollouts.hpp"

#include "base/backoff.hpp"
#include "base/program/log.hpp"
#include "messages/actors/here.hpp"

#include <algorithm>

namespace gkm::op {
namespace log = base::log;

rollouts_state::rollouts_state(rollouts_actor::pointer self, rollouts_port& port, uint64_t seed)
    : self_(self), port_(port), chance_(seed) {
  for (const auto* daemon : daemons) daemons_[daemon];
}

rollouts_actor::behavior_type rollouts_state::make_behavior() {
  return {
      [this](changed_atom, const config_data& data) { configured(data); },
      [this](act_atom, bool acting) { set_acting(acting); },
      [this](flush_atom, const std::string& daemon) { proceed(daemon); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

void rollouts_state::configured(const config_data& data) {
  auto values = read_config(data);
  problems_ = std::move(values.problems);
  complain();
  for (auto& [daemon, e] : daemons_) {
    auto wish = wish_for(daemon, values);
    if (wish == e.wish) continue;
    e.wish = std::move(wish);
    e.due = true;
    e.rest.cut_short();
    e.failures = 0;
    proceed(daemon);
  }
}

void rollouts_state::set_acting(bool acting) {
  acting_ = acting;
  if (!acting) return;
  complain();
  for (auto& [daemon, e] : daemons_) {
    e.due = true;
    e.rest.cut_short();
    proceed(daemon);
  }
}

void rollouts_state::complain() {
  if (!acting_) return;
  for (const auto& problem : problems_)
    if (std::find(told_.begin(), told_.end(), problem) == told_.end()) port_.complain(problem);
  told_ = problems_;
}

void rollouts_state::proceed(const std::string& daemon) {
  auto& e = daemons_[daemon];
  if (!acting_ || e.busy || !e.due || e.rest.lasts(self_->clock().now())) return;
  e.due = false;
  if (e.wish == daemon_wish{}) return;
  e.busy = true;
  port_.read(daemon, here<daemon_set>(rollouts_actor(self_),
                                      [this, daemon](const auto& seen) { read(daemon, seen); }));
}

void rollouts_state::read(const std::string& daemon, const result<daemon_set>& seen) {
  if (!seen) return finished(daemon, fail(seen.error()));
  auto wanted = as_wished(*seen, daemons_[daemon].wish);
  if (!acting_ || wanted == *seen) return finished(daemon, done{});
  port_.write(wanted, here<done>(rollouts_actor(self_), [this, daemon](const auto& outcome) {
                finished(daemon, outcome);
              }));
}

void rollouts_state::finished(const std::string& daemon, const result<done>& outcome) {
  auto& e = daemons_[daemon];
  e.busy = false;
  if (!outcome) return failed(daemon, outcome.error());
  e.failures = 0;
  proceed(daemon);
}

void rollouts_state::failed(const std::string& daemon, const error& why) {
  auto& e = daemons_[daemon];
  // Who deploys it deploys gkm-config with it, so it will be right from the start.
  bool is_there = why.code != errc::not_found;
  auto pause = base::pause_after(why, ++e.failures, chance_());
  bool is_news = e.failures == 1 && why.code != errc::conflict;
  if (is_there && (is_news || !pause))
    log::warn("A DaemonSet cannot follow gkm-config",
              {{"daemonset", daemon}, {"error", why.message}});
  if (!is_there || !pause) return proceed(daemon);
  e.due = true;
  e.rest.begin(self_->clock().now(), *pause);
  self_->delayed_send(self_, *pause, flush_atom_v, daemon);
}

}  // namespace gkm::op
