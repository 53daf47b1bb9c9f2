/// From a record to the mount that a pod sees: what lies in which layer, and what to do where the
/// kernel cannot.
#pragma once

#include "actors/csi/mount_calls.hpp"
#include "actors/csi/relocated_layers.hpp"
#include "actors/csi/scratch_space.hpp"
#include "actors/csi/target_tree.hpp"
#include "messages/volume.hpp"

#include <atomic>
#include <optional>

namespace gkm::csi {

/// What overlays have as their device in the mount table, so that a restart knows whose they are.
std::string view_source(const std::string& instance, const std::string& key);

class view_builder {
public:
  struct deps {
    int root;              ///< the open state directory
    std::string boot;      ///< this boot's id
    std::string instance;  ///< of this state directory
    scratch_space& scratch;
    relocated_layers& layers;
    mount_calls& mounts;
  };
  explicit view_builder(deps d) : d_(std::move(d)) {}

  /// Whether a build is likely to read or write a whole cache: to copy it, or to make its layer.
  bool takes_long(const volume_record& record) const;
  /// Mounts the view on the target; `record` becomes what was possible. Answers the layer that is
  /// in use until it is released. After an error nothing is mounted, but scratch may be left.
  result<std::optional<layer_key>> build(volume_record& record, const std::string& key,
                                         const target_tree::prepared& at);

private:
  struct source {
    base::fd content;
    std::optional<layer_key> key;
    layer relocated;  ///< if there is a key
  };

  result<source> open_source(volume_record& record);
  result<void> relocate_source(volume_record& record, const base::fd& stored, source& from);
  result<void> mount_on(volume_record& record, const std::string& key, const source& from,
                        const target_tree::prepared& at);
  result<void> overlay(volume_record& record, const std::string& key, const source& from,
                       const target_tree::prepared& at);
  result<void> read_only(volume_record& record, const std::string& key, const source& from,
                         const target_tree::prepared& at);
  result<void> copy(volume_record& record, const std::string& key, const source& from,
                    const target_tree::prepared& at);
  result<void> empty(const volume_record& record, const std::string& key,
                     const target_tree::prepared& at);

  const deps d_;
  std::atomic<bool> overlays_fail_ = false;  ///< here: they become copies
};

}  // namespace gkm::csi
