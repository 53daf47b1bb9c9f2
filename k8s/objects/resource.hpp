/// The kinds of objects that GKM reads or writes, and where the API server has them.
#pragma once

#include "messages/cache.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace gkm::k8s {

/// Names one object of a resource. `ns` is empty for what has no namespace.
struct object_key {
  std::string ns;
  std::string name;

  /// "default/vector-add" or "vector-add".
  std::string str() const { return ns.empty() ? name : ns + "/" + name; }
  auto operator<=>(const object_key&) const = default;
};

/// Group, version and resource. Only constants are meant: the texts are not owned.
struct resource {
  std::string_view group;  ///< empty: the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = false;

  /// "gkm.io/v1alpha1" or "v1".
  std::string api_version() const;
  /// "/apis/gkm.io/v1alpha1/namespaces/default/gkmcaches"; without `ns` those of all namespaces.
  std::string collection(std::string_view ns = {}) const;
  /// The collection and "/NAME", and "/SUBRESOURCE" if there is one.
  std::string path(const object_key& key, std::string_view subresource = {}) const;
};

inline constexpr resource gkm_caches{"gkm.io", "v1alpha1", "gkmcaches", "GKMCache", true};
inline constexpr resource cluster_gkm_caches{"gkm.io", "v1alpha1", "clustergkmcaches",
                                             "ClusterGKMCache"};
inline constexpr resource gkm_cache_nodes{"gkm.io", "v1alpha1", "gkmcachenodes", "GKMCacheNode",
                                          true};
inline constexpr resource cluster_gkm_cache_nodes{"gkm.io", "v1alpha1", "clustergkmcachenodes",
                                                  "ClusterGKMCacheNode"};
inline constexpr resource nodes{"", "v1", "nodes", "Node"};
inline constexpr resource pods{"", "v1", "pods", "Pod", true};
inline constexpr resource namespaces{"", "v1", "namespaces", "Namespace"};
inline constexpr resource secrets{"", "v1", "secrets", "Secret", true};
inline constexpr resource config_maps{"", "v1", "configmaps", "ConfigMap", true};
inline constexpr resource daemon_sets{"apps", "v1", "daemonsets", "DaemonSet", true};
inline constexpr resource events{"events.k8s.io", "v1", "events", "Event", true};
inline constexpr resource leases{"coordination.k8s.io", "v1", "leases", "Lease", true};
inline constexpr resource csi_drivers{"storage.k8s.io", "v1", "csidrivers", "CSIDriver"};
inline constexpr resource mutating_webhooks{"admissionregistration.k8s.io", "v1",
                                            "mutatingwebhookconfigurations",
                                            "MutatingWebhookConfiguration"};
inline constexpr resource validating_webhooks{"admissionregistration.k8s.io", "v1",
                                              "validatingwebhookconfigurations",
                                              "ValidatingWebhookConfiguration"};

/// Where a cache is kept, and the reports of nodes about caches of its kind.
const resource& caches_like(const cache_ref& ref);
const resource& reports_in(std::string_view ns);
object_key key_of(const cache_ref& ref);

}  // namespace gkm::k8s
