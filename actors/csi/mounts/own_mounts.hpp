/// Which entries of the mount table are views of this state directory.
#pragma once

#include "actors/csi/mounts/mount_table.hpp"
#include "actors/csi/mounts/target_tree.hpp"
#include "messages/volume.hpp"

#include <map>
#include <optional>

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

/// A view of any state directory, as the table tells of what is mounted on a path.
struct shown_view {
  std::string
      instance;     ///< which state directory (view_builder.hpp); empty: the mount does not tell
  std::string key;  ///< of the volume, or how it begins; empty: the mount does not tell
};

/// What one sees at `path`; nothing if that is no view of GKM's, or nothing is mounted there.
std::optional<shown_view> view_at(const std::vector<mount_entry>& table, const std::string& path);

/// Where the table shows one of `mounts`, however deep beneath others; empty: nowhere.
std::string seen_at(const std::vector<mount_entry>& table,
                    const std::vector<mount_identity>& mounts);

}  // namespace gkm::csi
