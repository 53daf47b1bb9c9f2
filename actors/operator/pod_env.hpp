/// The environment variables by which frameworks find a cache. For .cpp files only.
#pragma once

#include "actors/operator/pod_view.hpp"

#include <string>
#include <utility>
#include <vector>

namespace gkm::cluster {

struct env_plan {
  std::vector<std::pair<std::string, std::string>> additions;  ///< JSON pointer and value
  std::vector<std::string> warnings;
};

/// Nothing without the pod's annotation. What a container sets itself, or may set by envFrom,
/// stays.
env_plan inject_env(const rapidjson::Value* pod, const pod_view& view);

}  // namespace gkm::cluster
