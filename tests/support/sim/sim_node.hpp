/// One node's disk and mount table in the simulated world: what outlives the agent and gkm-csi, and
/// all that passes between the two. Whoever writes here is a fake port or the outside world.
#pragma once

#include "messages/volume.hpp"
#include "tests/support/sim/sim_world.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace gkm::sim {

/// What a directory holds: how much of which manifest.
struct fake_content {
  digest manifest;
  uint64_t bytes = 0;
  bool whole = false;
  bool has_lost_a_file = false;   ///< as every look tells
  bool has_another_byte = false;  ///< as only reading all of it tells
};

/// A digest's directory in the store.
struct fake_stored {
  stored_cache facts;
  fake_content content;
  uint64_t unsynced_boot = 0;  ///< 0: synced
  uint64_t instance = 0;       ///< another one each time it is committed
};

struct fake_mount {
  std::string volume_id;
  digest manifest;
  uint64_t instance = 0;  ///< which publication of the digest is seen; 0: none, it is empty
  view_kind view = view_kind::overlay;
};

struct fake_node {
  // The agent's.
  std::map<std::string, fake_content> staging;
  std::map<digest, fake_stored> store;
  std::map<digest, fake_stored> aside;  ///< by a removal that is under way
  std::set<digest> set_aside;           ///< damaged, and not yet pulled again
  std::set<uint64_t> kept_instances;    ///< that were set aside: what is mounted of them stays
  std::map<cache_ref, catalog_record> catalog;
  std::map<cache_ref, std::set<digest>> history;  ///< what each cache has ever stood for
  uint64_t capacity_bytes = 1'000;

  // gkm-csi's, and kubelet's.
  std::set<std::string> scratch;  ///< by volume id
  std::set<std::string> targets;  ///< directories
  std::set<std::string> foreign;  ///< targets where somebody else has mounted something

  // What a reboot takes.
  std::map<std::string, volume_record> records;  ///< by volume id
  std::map<std::string, fake_mount> mounts;      ///< by target
  uint64_t boot = 1;

  std::vector<std::string> problems;  ///< what the ports saw that must never be

  /// Who watches the directories; called after each change.
  std::function<void(const cache_ref&)> catalog_changed = [](const cache_ref&) {};
  std::function<void(const std::string&)> record_changed = [](const std::string&) {};

  void write(const catalog_record& record);
  void forget(const cache_ref& ref);
  void write(const volume_record& record);
  void erase(const std::string& volume_id);
  void commit(const stored_cache& facts, const fake_content& content, uint64_t unsynced_boot);

  void reboot();
  /// The same, if /run is not on a disk after all; what was not synced may be damaged, young
  /// records may be gone.
  void lose_power(chaos& c);

  std::string boot_id() const { return "boot-" + std::to_string(boot); }
  /// A volume record of this boot names it.
  bool pins(const digest& d) const;
  bool has_mount(const std::string& volume_id) const;
  /// What gkm-csi finds of it: null if it is not there or cannot be trusted.
  const fake_stored* find_stored(const digest& d) const;
  /// Whether what the mount shows is still on the disk, all of it.
  bool still_holds(const fake_mount& m) const;
  /// The cache's volumes whose mounts are complete.
  std::vector<mounted_volume> mounted(const cache_ref& ref) const;
  uint64_t used_bytes() const;

private:
  uint64_t instances_ = 0;
};

}  // namespace gkm::sim
