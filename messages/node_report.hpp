/// A GKMCacheNode or ClusterGKMCacheNode: what one node says about the caches of one namespace.
/// The agent of that node is its only writer.
#pragma once

#include "messages/cache_object.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace gkm {

/// GPUs that are alike.
struct gpu_group {
  std::string gpu_type;
  std::string driver_version;
  std::vector<int32_t> ids;

  bool operator==(const gpu_group&) const = default;

  static constexpr auto type = "gpu_group";
  static constexpr auto fields() {
    return std::tuple{&gpu_group::gpu_type, &gpu_group::driver_version, &gpu_group::ids};
  }
};

/// The groups of an inventory, in the order of their first GPUs.
std::vector<gpu_group> group_gpus(const std::vector<gpu>& gpus);

struct pod_use {
  std::string ns;
  std::string name;
  std::string volume_id;

  auto operator<=>(const pod_use&) const = default;

  static constexpr auto type = "pod_use";
  static constexpr auto fields() {
    return std::tuple{&pod_use::ns, &pod_use::name, &pod_use::volume_id};
  }
};

/// Where one digest of one cache stands on the node.
struct report_entry {
  std::vector<int32_t> compatible_gpus;
  std::vector<gpu_verdict> incompatible_gpus;  ///< with the reasons, where they are said
  std::vector<condition> conditions;
  int64_t updated_unix_s = 0;
  uint64_t volume_bytes = 0;
  std::vector<pod_use> pods;  ///< as many as there is room for
  uint32_t pod_count = 0;     ///< all, each once; 0: all are listed

  bool operator==(const report_entry&) const = default;

  static constexpr auto type = "report_entry";
  static constexpr auto fields() {
    return std::tuple{&report_entry::compatible_gpus, &report_entry::incompatible_gpus,
                      &report_entry::conditions,      &report_entry::updated_unix_s,
                      &report_entry::volume_bytes,    &report_entry::pods,
                      &report_entry::pod_count};
  }
};

/// Pods that have it mounted, each once, listed or not.
uint32_t count_pods(const report_entry& entry);
uint32_t count_listed_pods(const report_entry& entry);

struct node_report {
  std::string ns;    ///< empty: a ClusterGKMCacheNode
  std::string name;  ///< the node's
  object_identity object;
  std::string node_name;        ///< `status.nodeName`
  std::string pull_secret_key;  ///< in base64; of the report without a namespace alone
  cache_counts counts;
  std::vector<gpu_group> gpus;
  std::map<std::string, std::map<digest, report_entry>> caches;  ///< by the cache's name
  uint32_t omitted = 0;  ///< entries that there is no room for
  /// When the agent last said that it is there; 0: it is one that does not say so.
  int64_t renewed_unix_s = 0;

  bool operator==(const node_report&) const = default;

  static constexpr auto type = "node_report";
  static constexpr auto fields() {
    return std::tuple{&node_report::ns,
                      &node_report::name,
                      &node_report::object,
                      &node_report::node_name,
                      &node_report::pull_secret_key,
                      &node_report::counts,
                      &node_report::gpus,
                      &node_report::caches,
                      &node_report::omitted,
                      &node_report::renewed_unix_s};
  }
};

}  // namespace gkm
