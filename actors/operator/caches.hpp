/// The operator's view of the cluster: every cache, node and report, and one supervised actor per
/// cache, who is told what concerns his own.
///
// clang-format off
///   listening ──view whole, and leading──▶ acting ──a watch broke, or not leading──▶ listening
///   per cache:  alive ──deleted──▶ gone
///               alive ──died──▶ resting ──1 s…──▶ alive
// clang-format on
/// A report is compared with the one before it, so that only caches that it changes hear of it.
#pragma once

#include "actors/operator/cluster_cache.hpp"
#include "base/pause.hpp"
#include "messages/actors.hpp"

#include <map>
#include <random>

namespace gkm::cluster {

/// A node that has been NotReady for so long holds nothing up.
inline constexpr std::chrono::seconds not_ready_limit{300};

class caches_state {
public:
  using handle = caches_actor;
  static constexpr const char* name = "caches";

  caches_state(caches_actor::pointer self, const cluster_ports& ports, pull_secrets_actor secrets,
               uint64_t seed);
  ~caches_state();
  caches_actor::behavior_type make_behavior();

private:
  struct child {
    cluster_cache cache;
    cluster_cache_actor actor;  ///< null: it died and rests
    uint32_t deaths = 0;        ///< in a row
  };
  struct node {
    node_facts facts;
    bool exists = false;
    bool runs_agent = false;
    bool has_gpu = false;
    std::string pull_secret_key;  ///< as its agent says
    uint32_t reports = 0;
  };
  using holdings = std::map<std::string, node_holding>;  ///< by the cache's name

  void cache_changed(const cluster_cache& cache);
  void cache_deleted(const cache_ref& ref);
  void reported(const node_report& report);
  void retracted(const std::string& ns, const std::string& node);
  void replace_holdings(const std::string& ns, const std::string& node, const holdings& now);
  void tell(const cache_ref& ref, const std::string& node, const node_holding& holding);
  void node_changed(const node_facts& facts);
  void node_deleted(const std::string& name);
  void look_again(const std::string& name);
  void broadcast(const std::string& name, const node& n);
  void tell_secrets(const std::string& name, const node& n);
  void forget_if_gone(const std::string& name);
  void namespace_ending(const std::string& ns, bool ending);
  void set_acting(bool leading, bool whole);
  void ensure_driver();
  void start(const cache_ref& ref);
  void down(const caf::down_msg& msg);
  bool is_alive(const node& n) const;
  node_standing standing(const std::string& name, const node& n, const cluster_cache& c) const;
  std::vector<node_standing> standings(const cluster_cache& c) const;
  bool is_acting() const { return leading_ && whole_; }

  caches_actor::pointer self_;
  cluster_ports ports_;
  pull_secrets_actor secrets_;
  std::mt19937_64 chance_;
  std::map<cache_ref, child> children_;
  std::map<std::string, node> nodes_;
  /// By namespace and node.
  std::map<std::string, std::map<std::string, holdings>> reports_;
  std::set<std::string> ending_;
  bool leading_ = false;
  bool whole_ = false;
  uint32_t driver_failures_ = 0;
  base::pause driver_pause_;
};

}  // namespace gkm::cluster
