/// Which views this process knows to be mounted, so that no call reads the mount table.
#pragma once

#include "actors/csi/mounts/mount_point.hpp"
#include "actors/csi/mounts/relocated_layers.hpp"
#include "messages/volume.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace gkm::csi {

struct held_view {
  std::string target;
  digest manifest;
  view_kind view = view_kind::empty;
  std::vector<mount_identity> mounts;  ///< the topmost last
  std::optional<layer_key> layer;

  bool owns(const mount_identity& mount) const;
};

/// By volume key. Any thread may call; calls about one volume follow each other.
class held_views {
public:
  void put(const std::string& key, held_view view);
  std::optional<held_view> find(const std::string& key) const;
  std::optional<held_view> take(const std::string& key);

private:
  mutable std::mutex mutex_;
  std::map<std::string, held_view> views_;
};

}  // namespace gkm::csi
