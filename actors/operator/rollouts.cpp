#include "actors/operator/rollouts.hpp"

#include "base/program/log.hpp"
#include "messages/actors/here.hpp"
#include "messages/assert.hpp"

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
    e.work.renew();
    proceed(daemon);
  }
}

void rollouts_state::set_acting(bool acting) {
  acting_ = acting;
  if (!acting) return;
  complain();
  for (auto& [daemon, e] : daemons_) {
    e.work.want();
    e.work.end_pause();
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
  if (!acting_ || !e.work.is_due() || !e.work.may_begin(self_->clock().now())) return;
  if (e.wish == daemon_wish{}) return e.work.settle();
  e.work.begin();
  port_.read(daemon, here<daemon_set>(rollouts_actor(self_),
                                      [this, daemon](const auto& seen) { read(daemon, seen); }));
}

void rollouts_state::read(const std::string& daemon, const result<daemon_set>& seen) {
  if (!seen) return finished(daemon, fail(seen.error()));
  GKM_ASSERT(daemons_[daemon].work.is_busy());
  auto wanted = as_wished(*seen, daemons_[daemon].wish);
  if (!acting_ || wanted == *seen) return finished(daemon, done{});
  port_.write(wanted, here<done>(rollouts_actor(self_), [this, daemon](const auto& outcome) {
                finished(daemon, outcome);
              }));
}

void rollouts_state::finished(const std::string& daemon, const result<done>& outcome) {
  if (!outcome) return failed(daemon, outcome.error());
  daemons_[daemon].work.succeeded();
  proceed(daemon);
}

void rollouts_state::failed(const std::string& daemon, const error& why) {
  auto& e = daemons_[daemon];
  // A DaemonSet is deployed together with gkm-config, so it is right from the start.
  if (why.code == errc::not_found) {
    e.work.gave_up();
    return proceed(daemon);
  }
  auto next = e.work.failed(why, self_->clock().now(), chance_());
  bool gives_up = next.what == base::upkeep::next::give_up;
  if ((next.is_first && why.code != errc::conflict) || gives_up)
    log::warn("A DaemonSet cannot follow gkm-config",
              {{"daemonset", daemon}, {"error", why.message}});
  if (gives_up) return proceed(daemon);
  self_->delayed_send(self_, next.pause, flush_atom_v, daemon);
}

}  // namespace gkm::op
