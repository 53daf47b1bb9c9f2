/// One cache of the cluster: turns what the API and the nodes say into the cache's status and its
/// finalizer, by the verdicts of verdict.hpp. The only writer of that object in this process.
///
// clang-format off
///   idle ──something is due──▶ writing ──written──▶ idle      (a pause first, if it wrote just now)
///                                 ├──conflict──▶ reading ──▶ idle
///                                 └──failed──▶ pausing (1 s, 2 s, … 5 min) ──▶ idle
// clang-format on
/// While it may not act it only listens: a new leader knows everything already, and writes only
/// what is not right.
#pragma once

#include "actors/operator/aggregate.hpp"
#include "actors/operator/verdict.hpp"
#include "base/pace.hpp"
#include "base/pause.hpp"
#include "base/upkeep.hpp"
#include "messages/actors/interfaces.hpp"

#include <optional>
#include <random>
#include <set>
#include <stop_token>

namespace gkm::op {

struct cluster_ports {
  api_port& api;
  resolver_port& resolver;
  clock_port& clock;
};

/// What a cache's actor is told of the world when it starts.
struct first_view {
  cache_object cache;
  std::vector<node_row> nodes;
  bool namespace_ending = false;
  bool acting = false;
  std::string refusal;  ///< as situation has it
};

class cache_object_state {
public:
  using handle = cache_object_actor;
  static constexpr const char* name = "cache_object";

  cache_object_state(cache_object_actor::pointer self, const cluster_ports& ports, first_view first,
                     uint64_t seed);
  ~cache_object_state();
  cache_object_state(const cache_object_state&) = delete;
  cache_object_state& operator=(const cache_object_state&) = delete;
  cache_object_actor::behavior_type make_behavior();

private:
  void changed(const cache_object& cache);
  void adopt(const cache_object& cache);
  void set_acting(bool acting);
  void look_soon();
  void reconcile();
  bool learn_digest();
  void resolve();
  void stop_asking();
  void resolved(const std::string& image, const result<digest>& outcome);
  void resolve_after(std::chrono::milliseconds pause);
  bool asks_for_pods();
  void write_status(const situation& s);
  void read();
  answer<cache_object> answered(std::vector<cache_event> events);
  void written(const result<cache_object>& outcome, const std::vector<cache_event>& events);
  void catch_up_with(const cache_object& answer);
  bool is_written(const cache_object_status& wanted) const;
  void failed(const error& e);
  void come_back(std::chrono::milliseconds pause);
  void flush(uint64_t epoch);

  cache_object_actor::pointer self_;
  cluster_ports ports_;
  std::mt19937_64 chance_;
  aggregate nodes_;
  cache_object seen_;
  /// Told by the watch, but maybe older than `seen_`, which a write answered with.
  std::optional<cache_object> heard_;
  std::set<std::string> heard_versions_;        ///< while a write is under way
  std::string awaited_version_;                 ///< until the watch tells it, it tells the past
  std::optional<cache_object_status> attempt_;  ///< being written
  cache_object_status written_;                 ///< last, and what version it made of the object
  std::string written_version_;
  resolution image_;
  std::string resolved_image_;  ///< the text that `image_` is of
  base::pace pace_;
  std::string refusal_;
  std::chrono::steady_clock::time_point looked_at_{};
  bool look_due_ = false;  ///< a message to itself is on its way
  bool acting_ = false;
  bool namespace_ending_ = false;
  finalizer_step step_ = finalizer_step::keep;  ///< done by the write that is under way
  std::string released_;                      ///< uid of the object that GKM's finalizer went from
  std::optional<std::stop_source> question_;  ///< about `resolved_image_`, until it is answered
  /// Busy: a write, or the reading after a conflict, is under way. More conflicts in a row are no
  /// coincidence.
  base::upkeep work_{{.reads_in_a_row = 3}};
  uint32_t resolve_failures_ = 0;
  std::vector<std::string> pods_;  ///< that a deletion waits for, as reports list them
  std::string pods_asked_;         ///< the situation that `pods_` is of
  bool asking_for_pods_ = false;
  base::pause resolve_pause_;
  base::pause quick_;  ///< an answer that comes meanwhile is told at once
  uint64_t epoch_ = 0;
};

}  // namespace gkm::op
