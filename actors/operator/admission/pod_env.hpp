/// The environment variables by which frameworks find a cache. For .cpp files only.
#pragma once

#include "actors/operator/admission/pod_view.hpp"

#include <string>
#include <utility>
#include <vector>

namespace gkm::op {

/// What to add: JSON pointers and values.
using env_additions = std::vector<std::pair<std::string, std::string>>;

/// Nothing without the pod's annotation. What a container sets itself, or may set by envFrom,
/// stays. What is not done is warned of.
env_additions inject_env(const rapidjson::Value* pod, const pod_view& view, pod_work& work);

}  // namespace gkm::op
