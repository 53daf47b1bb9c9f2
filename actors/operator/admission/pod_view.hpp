/// A pod's volumes and mounts, as far as caches are concerned. For .cpp files only.
#pragma once

#include "actors/operator/admission/pod_work.hpp"
#include "k8s/objects/json_lookup.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::op {

/// One volumeMount of a cache's volume.
struct cache_mount {
  std::string volume;
  std::string pointer;              ///< to the volumeMount: "/spec/containers/0/volumeMounts/1"
  std::string path;                 ///< where the container sees it; normal, else empty
  std::optional<std::string> root;  ///< where it would see the volume's root; nothing: nowhere
  bool whole = true;                ///< no subPath
};

struct pod_container {
  std::string name;
  std::string pointer;  ///< "/spec/initContainers/0"
  const rapidjson::Value* value = nullptr;
  std::vector<cache_mount> mounts;
};

/// Where in a pod_view a mount is.
struct mount_index {
  size_t container = 0;
  size_t mount = 0;
};

struct cache_volume {
  std::string name;
  size_t index = 0;
  const rapidjson::Value* value = nullptr;
  std::vector<mount_index> mounts;  ///< of it, in the order of containers
};

struct pod_view {
  std::vector<cache_volume> volumes;      ///< of csi.gkm.io
  std::set<std::string> volume_names;     ///< all of the pod's
  std::vector<pod_container> containers;  ///< containers before initContainers
};

/// Half of it, if the work is given up.
pod_view view_pod(const rapidjson::Value* pod, pod_work& work);

}  // namespace gkm::op
