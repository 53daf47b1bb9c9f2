/// The operator's view of the cluster: every cache, node and report, and one supervised actor per
/// cache, who is told what concerns his own.
///
// clang-format off
///   listening ──view whole, and leading──▶ acting ──a watch broke, or not leading──▶ listening
///   per cache:  alive ──deleted──▶ gone
///               alive ──died──▶ resting ──1 s…──▶ alive
// clang-format on
/// A report is compared with the one before it, so that only caches that it changes hear of it. A
/// node counts while it is ready and its agent says so now and then.
#pragma once

#include "actors/operator/cache_object.hpp"
#include "actors/operator/report_memory.hpp"
#include "actors/operator/served_caches.hpp"
#include "base/upkeep.hpp"
#include "messages/actors/interfaces.hpp"

#include <map>
#include <random>

namespace gkm::op {

/// A node that has been NotReady for so long holds nothing up.
inline constexpr std::chrono::seconds not_ready_limit{300};
/// So does one whose agent renews its report and then has not done so for this long, by this
/// process's own clock, while every watch worked: four renewals, or the longest pause of an agent
/// that is refused and one renewal.
inline constexpr std::chrono::seconds silence_limit{600};

class caches_state {
public:
  using handle = caches_actor;
  static constexpr const char* name = "caches";

  caches_state(caches_actor::pointer self, const cluster_ports& ports, pull_secrets_actor secrets,
               uint64_t seed);
  ~caches_state();
  caches_actor::behavior_type make_behavior();

private:
  using time = std::chrono::steady_clock::time_point;

  struct child {
    cache_object cache;
    cache_object_actor actor;  ///< null: it died and rests
    uint32_t deaths = 0;       ///< in a row
  };
  struct node {
    shared_text name;
    std::string labels;  ///< as pack() has them
    bool exists = false;
    bool ready = false;
    bool silent = false;  ///< its agent has been for too long, and still is
    bool alive = false;   ///< as the caches were told
    bool runs_agent = false;
    bool has_gpu = false;
    std::string pull_secret_key;  ///< as its agent says
    int64_t not_ready_since_unix_s = 0;
    int64_t renewed_unix_s = 0;  ///< by the node's clock: only that it changes counts
    time last_report{};          ///< when it last did, by ours
    uint32_t reports = 0;
  };

  void cache_changed(const cache_object& cache);
  void cache_deleted(const cache_ref& ref);
  void reported(const report_summary& report);
  void retracted(const std::string& ns, const std::string& node);
  void tell(const std::string& ns, const std::string& cache, const node& n,
            const shared_holding& holding);
  node& node_of(const std::string& name);
  void node_changed(const node_facts& facts);
  void node_deleted(const std::string& name);
  void look_at_nodes();
  template <class Change>
  void change(node& n, Change change);
  void tell_secrets(const node& n);
  void forget_if_gone(const std::string& name);
  void admit();
  void serve(const cache_ref& ref);
  void namespace_ending(const std::string& ns, bool ending);
  void set_acting(bool leading, bool whole);
  void ensure_driver();
  void start(const cache_ref& ref);
  void down(const caf::down_msg& msg);
  bool is_alive(const node& n) const;
  bool is_quiet(const node& n) const;
  node_row row_of(const node& n, const cache_object& c, shared_holding holding) const;
  std::vector<node_row> rows_of(const cache_object& c) const;
  bool is_acting() const { return leading_ && whole_; }

  caches_actor::pointer self_;
  cluster_ports ports_;
  pull_secrets_actor secrets_;
  std::mt19937_64 chance_;
  std::map<cache_ref, child> children_;
  std::map<std::string, node> nodes_;
  report_memory reports_;
  served_caches served_;
  size_t agents_ = 0;  ///< nodes that run one
  time whole_since_{};
  std::set<std::string> ending_;
  bool leading_ = false;
  bool whole_ = false;
  base::upkeep driver_;
};

}  // namespace gkm::op
