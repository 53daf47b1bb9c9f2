/// Which entries of the mount table are views of this state directory.
#pragma once

#include "actors/csi/mount_table.hpp"
#include "actors/csi/target_tree.hpp"
#include "messages/volume.hpp"

#include <map>

namespace gkm::csi {

struct own_mount {
  mount_identity identity;
  std::string key;       ///< of the volume, or how it begins; empty: the mount does not tell
  std::string manifest;  ///< of a cache that is mounted as it is; else empty

  bool may_be_of(const std::string& volume_key, const volume_record& record) const;
};

/// By target, or outside of the targets' root by where they are mounted; the topmost last. What
/// kubelet made of our views (volume-subpaths) is kubelet's. `root` is the open state directory.
std::map<std::string, std::vector<own_mount>> own_mounts(const std::vector<mount_entry>& table,
                                                         const target_tree& targets, int root,
                                                         const std::string& instance);

/// Where the table shows one of `mounts`, however deep beneath others; empty: nowhere.
std::string seen_at(const std::vector<mount_entry>& table,
                    const std::vector<mount_identity>& mounts);

}  // namespace gkm::csi
