/// GKM's DaemonSets follow gkm-config: its images, and no-GPU mode.
///
// clang-format off
///   per DaemonSet:  content ──gkm-config changed, or a leader begins──▶ reading ──as wished──▶ content
///                                                    ▲                     └──else──▶ writing ──▶ content
///                                                    └── resting (1 s … 5 min) ◀──failed──┘
// clang-format on
/// The ConfigMap is what counts, but nobody is fought: a DaemonSet is looked at when the ConfigMap
/// changes and when a leader begins, and not when somebody else changes it.
#pragma once

#include "actors/operator/ports.hpp"
#include "base/upkeep.hpp"
#include "messages/actors/interfaces.hpp"

#include <map>
#include <random>

namespace gkm::op {

class rollouts_state {
public:
  using handle = rollouts_actor;
  static constexpr const char* name = "rollouts";

  rollouts_state(rollouts_actor::pointer self, rollouts_port& port, uint64_t seed);
  rollouts_actor::behavior_type make_behavior();

private:
  struct entry {
    daemon_wish wish;
    base::upkeep work{{.for_ever = false}};
  };

  void configured(const config_data& data);
  void set_acting(bool acting);
  void complain();
  void proceed(const std::string& daemon);
  void read(const std::string& daemon, const result<daemon_set>& seen);
  void finished(const std::string& daemon, const result<done>& outcome);
  void failed(const std::string& daemon, const error& why);

  rollouts_actor::pointer self_;
  rollouts_port& port_;
  std::mt19937_64 chance_;
  std::map<std::string, entry> daemons_;
  std::vector<bad_setting> problems_;  ///< of gkm-config as it is
  std::vector<bad_setting> told_;
  bool acting_ = false;
};

}  // namespace gkm::op
