/// The agents of simulated nodes, as their reports show them, with the pods that use their caches.
/// What they hold is the truth that an operator's statuses are measured by.
#pragma once

#include "tests/support/sim/sim_api.hpp"

namespace gkm::sim {

class sim_nodes {
public:
  struct hold {
    bool extracted = false;
    bool failed = false;
    std::set<std::string> pods;
  };
  struct node {
    bool running = true;  ///< its agent
    bool renews = true;   ///< its agent is of a version that renews its report
    int64_t renewed_unix_s = 0;
    bool has_gpu = true;
    std::map<cache_ref, std::map<digest, hold>> holds;
  };

  explicit sim_nodes(sim_api& api) : api_(api) {}

  std::map<std::string, node> all;

  void join(const std::string& name, bool has_gpu);
  /// The Node object goes; its reports follow, as the garbage collector comes by.
  void leave(const std::string& name);
  void set_ready(const std::string& name, bool ready);
  /// The agent alone comes or goes: the node stays Ready.
  void set_agent(const std::string& name, bool running);
  /// The agent looks at what is wanted, a moment later.
  void wake(const std::string& name, const cache_ref& ref);
  void wake_all(const cache_ref& ref);
  /// A pod that mounts the cache where it is extracted; true if it could.
  bool start_pod(const std::string& name, const cache_ref& ref);
  void end_some_pod(const std::string& name);
  void end_all_pods();

private:
  void look_at_all(const std::string& name);
  void renew_later(const std::string& name);
  void look(const std::string& name, const cache_ref& ref);
  void extract(const std::string& name, const cache_ref& ref, const digest& d);
  void report(const std::string& name, const std::string& ns);

  sim_api& api_;
  uint64_t pods_ = 0;
  std::set<std::pair<std::string, std::string>> due_;  ///< reports on their way
};

}  // namespace gkm::sim
