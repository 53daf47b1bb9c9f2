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
#pragma once

#include "actors/operator/admission_review.hpp"

namespace gkm::cluster {

inline constexpr std::string_view csi_driver_name = "csi.gkm.io";
inline constexpr std::string_view mount_path_attribute = "csi.gkm.io/mountPath";
inline constexpr std::string_view inject_env_annotation = "gkm.io/inject-env";
inline constexpr std::string_view cache_type_annotation = "gkm.io/cache-type";

/// Always allowed. What could not be filled in is a warning.
admission_decision complete_pod(const admission_request& asked);

}  // namespace gkm::cluster
