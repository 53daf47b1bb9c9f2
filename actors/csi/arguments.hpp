/// From what kubelet passes on, a pod's own words among them, to a checked request.
#pragma once

#include "messages/volume.hpp"

#include <map>
#include <string>

namespace gkm::csi {

/// The names of `volumeAttributes` and of what kubelet adds to them (`podInfoOnMount`).
namespace attribute {
constexpr const char* cache = "csi.gkm.io/GKMCache";
constexpr const char* ns = "csi.gkm.io/namespace";
constexpr const char* wait = "csi.gkm.io/wait";
constexpr const char* fallback = "csi.gkm.io/fallback";
constexpr const char* view = "csi.gkm.io/view";
constexpr const char* mount_path = "csi.gkm.io/mountPath";
constexpr const char* scratch_size = "csi.gkm.io/scratchSize";
constexpr const char* ephemeral = "csi.storage.k8s.io/ephemeral";
constexpr const char* pod_name = "csi.storage.k8s.io/pod.name";
constexpr const char* pod_ns = "csi.storage.k8s.io/pod.namespace";
constexpr const char* pod_uid = "csi.storage.k8s.io/pod.uid";
}  // namespace attribute

constexpr uint32_t default_wait_s = 30;
constexpr uint32_t longest_wait_s = 600;
constexpr uint64_t default_scratch_bytes = 10ULL << 30;

/// Checks everything that does not need the disk. `kubelet_root` is where targets must lie beneath.
/// Errors: invalid_argument (malformed: names the attribute, what is wrong with it and what would
/// be right), unauthorized (the namespace is not the pod's).
result<publish_request> parse_publish(const std::string& volume_id, const std::string& target,
                                      const std::map<std::string, std::string>& context,
                                      bool read_only, const std::string& kubelet_root);

/// The same for what other calls carry.
result<void> check_volume_id(const std::string& volume_id);
result<void> check_target(const std::string& target, const std::string& kubelet_root);

}  // namespace gkm::csi
