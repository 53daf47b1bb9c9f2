/// Names that GKM's programs share with each other, with the objects in deploy/ and with users'
/// manifests. A test compares them with deploy/.
#pragma once

namespace gkm::names {

inline constexpr const char* csi_driver = "csi.gkm.io";
inline constexpr const char* system_namespace = "gkm-system";
inline constexpr const char* config_map = "gkm-config";
/// Service account, lease and field manager.
inline constexpr const char* gkm_operator = "gkm-operator";
inline constexpr const char* webhook_service = "gkm-webhook";
inline constexpr const char* webhook_certificates = "gkm-webhook-certificates";  ///< a Secret
/// DaemonSets.
inline constexpr const char* agent_daemon = "gkm-agent";
inline constexpr const char* csi_daemon = "gkm-csi-node";

inline constexpr const char* in_use_finalizer = "gkm.io/in-use";
inline constexpr const char* resolved_digest_annotation = "gkm.io/resolvedDigest";
inline constexpr const char* inject_env_annotation = "gkm.io/inject-env";  ///< of a pod
inline constexpr const char* cache_type_annotation = "gkm.io/cache-type";  ///< of a pod
inline constexpr const char* no_gpu_annotation = "gkm.io/nogpu";           ///< of a pod template

}  // namespace gkm::names

/// `volumeAttributes` of a pod's CSI volume, and what kubelet adds to them (`podInfoOnMount`).
namespace gkm::attribute {

inline constexpr const char* prefix = "csi.gkm.io/";
inline constexpr const char* cache = "csi.gkm.io/GKMCache";
inline constexpr const char* ns = "csi.gkm.io/namespace";
inline constexpr const char* wait = "csi.gkm.io/wait";
inline constexpr const char* fallback = "csi.gkm.io/fallback";
inline constexpr const char* view = "csi.gkm.io/view";
inline constexpr const char* mount_path = "csi.gkm.io/mountPath";
inline constexpr const char* scratch_size = "csi.gkm.io/scratchSize";
inline constexpr const char* ephemeral = "csi.storage.k8s.io/ephemeral";
inline constexpr const char* pod_name = "csi.storage.k8s.io/pod.name";
inline constexpr const char* pod_ns = "csi.storage.k8s.io/pod.namespace";
inline constexpr const char* pod_uid = "csi.storage.k8s.io/pod.uid";

}  // namespace gkm::attribute

/// Types and reasons of conditions: of a cache, and of a digest on a node.
namespace gkm::conditions {

inline constexpr const char* pending = "Pending";
inline constexpr const char* extracted = "Extracted";
inline constexpr const char* running = "Running";
inline constexpr const char* outdated = "Outdated";
inline constexpr const char* error = "Error";
inline constexpr const char* deleting = "Deleting";
inline constexpr const char* ready = "Ready";
inline constexpr const char* verified = "Verified";

}  // namespace gkm::conditions
