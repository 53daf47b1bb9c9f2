/// One cache: from what is wanted to what a pod can use.
///
// clang-format off
///   resolving ──plan──▶ checking ──label may fit──▶ claiming ──may share──▶ judging ──fits──▶ recording
///      ▲                   │                            │absent, or         ▲│                 │
///      │                   │misfit                      ▼not proven         ││misfit           ▼
///      │                   │                         pulling ──stored───────┘│               ready
///    pause                 ▼                            │                     │                 │
///      └──────────────── failed ◀──────any error────────┴─────────────────────┘                 │
///      ▲                                                                                        │
///      └──────────wanted again, or its tag may have moved: in the background, ready meanwhile───┘
// clang-format on
///
/// Permanent errors wait for their cause to change instead of a pause. Started with a record, a
/// cache is first restored: claimed and judged without asking any registry. If the record is of an
/// earlier image, that is served until the wanted one is ready, and for as long as it cannot be:
/// the status is an error that says so, and the record has the reason for who mounts it.
///
/// What another cache has brought is shared only if this one could have pulled it: the puller asks.
/// What its own record names it was given before.
///
/// A new digest is made ready beside the old one; only then is the old one let go. Ready is Running
/// while a pod uses the digest that is served, else Extracted; pods that use one before it are
/// listed in the status as well, and their digests are the store's to keep.
///
/// What happens from outside is in cache.cpp, the steps are in cache_steps.cpp, what the catalog is
/// told in cache_records.cpp.
#pragma once

#include "actors/node/ports.hpp"
#include "messages/actors/interfaces.hpp"

#include <map>
#include <optional>
#include <random>
#include <set>

namespace gkm::node {

/// Whom every cache talks to.
struct cache_peers {
  puller_actor puller;
  store_actor store;
  gpu_actor gpu;
  reporter_actor reporter;
  clock_port* clock;
};

class cache_actor_state {
public:
  using handle = cache_actor;
  static constexpr const char* name = "cache";

  cache_actor_state(cache_actor::pointer self, cache_ref ref, cache_peers peers,
                    std::vector<gpu> gpus, std::optional<catalog_record> record, uint64_t seed);
  cache_actor::behavior_type make_behavior();

private:
  // What happens from outside.
  void wanted(const cache_spec& spec);
  void gpus_changed(std::vector<gpu> gpus);
  void progressed(const digest& d, uint64_t bytes, uint64_t total);
  void waits(const digest& d, bool for_others);
  void mounted(const mounted_volume& v);
  void unmounted(const mounted_volume& v);
  void damaged(const digest& d);
  void retry(uint64_t epoch);
  void withdraw();

  // The steps, in the order of the picture (cache_steps.cpp).
  void begin();
  void restore();
  void restore_earlier();
  void resolve();
  void check_label(const image_plan& plan);
  void claim(const image_plan& plan);
  void share(const image_plan& plan, const stored_cache& stored);
  void pull(const image_plan& plan);
  void match(const image_plan& plan, const stored_cache& stored);
  void match_served();
  void record(const image_plan& plan, const stored_cache& stored, const match_result& match);
  void serve(const image_plan& plan, const stored_cache& stored, const match_result& match,
             const std::string& path);
  void ready();
  void misfit(const image_plan& plan, const std::vector<target>& kernel_targets,
              const match_result& match);
  void failed(error e, catalog_record remembered = {});

  // The catalog (cache_records.cpp).
  void announce();
  void remember(const catalog_record& failure);
  void remember_beside(const std::string& why);
  void write(const catalog_record& r, std::function<void(const std::string&)> then,
             std::function<void(error)> otherwise);
  void forget();

  // Helpers of the steps.
  /// Asks an actor. An answer that comes after another epoch has begun is dropped; an error goes to
  /// `otherwise`, by default `failed`.
  template <class Answer, class Actor, class... Ts>
  void ask(const Actor& whom, std::chrono::seconds limit, std::function<void(const Answer&)> then,
           std::function<void(error)> otherwise, const Ts&... question);
  std::function<void(error)> to_failed();
  bool is_serving() const { return !status_.path.empty(); }
  bool is_refreshing() const;
  bool was_given(const image_plan& plan) const;
  void stop_serving();
  void show(const char* step);
  void set_state(cache_state state);
  cache_state ready_state() const;
  void list_volumes();
  void report();
  void stop_asking();
  void add_claim(const digest& d);
  void release_claims();

  cache_actor::pointer self_;
  const cache_ref ref_;
  cache_peers peers_;
  std::vector<gpu> gpus_;
  std::optional<catalog_record> record_;  ///< as it is on disk
  std::optional<catalog_record> asked_;   ///< as it will be there when all is written
  uint64_t writes_ = 0;                   ///< asked for
  uint64_t written_ = 0;                  ///< the last of them that is on disk
  std::mt19937_64 chance_;
  std::optional<cache_spec> spec_;
  cache_status status_;
  std::map<std::string, mounted_volume> volumes_;  ///< by volume id
  uint64_t epoch_ = 0;  ///< answers to questions of an earlier one are stale
  uint32_t failures_ = 0;
  bool busy_ = false;      ///< between begin and ready or failed
  bool moved_ = false;     ///< what is wanted is known to be another manifest than what is served
  bool restored_ = false;  ///< the record found at the start has had its chance
  bool news_ = false;      ///< what is wanted is not what an error on disk is about
  bool again_ = false;     ///< resolve once more when this round is over
  bool withdrawing_ = false;
  std::optional<digest> pulling_;
  std::set<digest> claims_;
  std::set<digest> recording_;  ///< named by records that are being written
};

}  // namespace gkm::node
