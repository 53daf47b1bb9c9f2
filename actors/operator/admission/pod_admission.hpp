/// What GKM fills in for a pod that mounts a cache. Pure. It adds what is missing and never changes
/// what the pod's author wrote, so that asking again changes nothing.
///
/// - `csi.gkm.io/mountPath`, from where containers mount the volume: without it, caches that hold
///   absolute paths do not work. Where they mount it at several paths, each further path gets a
///   volume of its own, as one view can hold the paths of one place only. Of a mount with a subPath
///   the path counts where the volume's root would be: '/a' for '/a/b' with subPath 'b'.
/// - With the annotation gkm.io/inject-env: "true", TRITON_CACHE_DIR and VLLM_CACHE_ROOT of every
///   container that mounts a cache. gkm.io/cache-type says which is meant: 'triton', 'vllm', or
///   'volume=triton,other=vllm'. Without it both are set if the container mounts one cache.
///
/// What this costs is linear in the pod, and bounded. A pod that would need more is admitted as it
/// is, with a warning that says so: it starts, and its author can write the attributes down.
#pragma once

#include "actors/operator/admission/admission_review.hpp"

#include <chrono>
#include <cstddef>

namespace gkm::op {

inline constexpr size_t pod_patch_bytes_max = size_t{256} << 10;  ///< added to one pod
inline constexpr size_t pod_further_volumes_max = 64;             ///< added to one pod
inline constexpr size_t pod_warnings_max = 16;                    ///< as many as API servers show

struct pod_limits {
  size_t patch_bytes = pod_patch_bytes_max;
  size_t further_volumes = pod_further_volumes_max;
  /// When nobody waits for the answer any more.
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
};

struct pod_completion {
  admission_decision decision;  ///< always allowed. What could not be filled in is a warning
  size_t steps = 0;             ///< volumes, mounts, variables and names that were looked at
};

pod_completion complete_pod(const admission_request& asked, const pod_limits& limits = {});

}  // namespace gkm::op
