/// The set of caches on this node: spawns, feeds and supervises one actor per cache.
///
// clang-format off
///   recovering ──disk is known──▶ open ──synced──▶ synced ──volumes are known──▶ collecting
///   per cache:  alive ──deleted──▶ leaving ──down──▶ gone    (wanted meanwhile: spawned again)
///               alive ──died──▶ resting ──1 s…──▶ alive
// clang-format on
/// Until the disk and the GPUs are known, changes only take note of what is wanted. Caches that are
/// not wanted go once all that are wanted have been said, what nobody needs goes from the store
/// once all volumes have been said, too. Which volumes use a cache outlives the cache's actor here.
#pragma once

#include "actors/node/cache.hpp"
#include "actors/node/ports.hpp"
#include "messages/actors/interfaces.hpp"

#include <map>
#include <optional>
#include <random>

namespace gkm::node {

class node_state {
public:
  using handle = node_actor;
  static constexpr const char* name = "node";

  /// `self_->quit()` also ends every child; peers are ended by whoever spawned them.
  node_state(node_actor::pointer self, cache_peers peers, uint64_t seed);
  ~node_state();
  node_actor::behavior_type make_behavior();

private:
  struct child {
    std::optional<cache_spec> spec;  ///< empty: not wanted any more
    cache_actor actor;               ///< null: not running
    bool leaving = false;
    uint32_t deaths = 0;  ///< in a row
  };

  void recover();
  void open(const recovered& found);
  void changed(const cache_spec& spec);
  void try_all_again();
  void deleted(const cache_ref& ref);
  void synced();
  void gpus_changed(const std::vector<gpu>& gpus);
  void mounted(const mounted_volume& v);
  void unmounted(const mounted_volume& v);
  void damaged(const digest& d);
  void volumes_known();
  void down(const caf::down_msg& msg);
  void start(const cache_ref& ref);
  void drop_unwanted();
  void collect_if_all_known();

  node_actor::pointer self_;
  cache_peers peers_;
  std::mt19937_64 chance_;
  std::map<cache_ref, child> children_;
  std::map<cache_ref, catalog_record> records_;  ///< found at the start, not yet handed to a child
  std::map<cache_ref, std::map<std::string, mounted_volume>> volumes_;  ///< by volume id
  std::optional<std::vector<gpu>> gpus_;
  bool volumes_known_ = false;
  bool open_ = false;
  bool synced_ = false;
  uint32_t failures_ = 0;
};

}  // namespace gkm::node
