/// What the Kubernetes API holds of caches and nodes, as plain values: k8s/ reads and prints them,
/// actors decide on them. Times are seconds since 1970; 0 = not said.
#pragma once

#include "messages/cache.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace gkm {

enum class condition_status : uint8_t { unknown, no, yes };
/// "Unknown", "False", "True".
std::string_view to_string(condition_status s);
result<condition_status> parse_condition_status(std::string_view text);

/// One entry of `status.conditions`.
struct condition {
  std::string name;  ///< its `type` in the API: "Ready"; there is one of each
  condition_status status = condition_status::unknown;
  std::string reason;  ///< one word in CamelCase; the API takes no empty one
  std::string message;
  int64_t observed_generation = 0;
  int64_t changed_unix_s = 0;  ///< when `status` last became another

  bool operator==(const condition&) const = default;

  static constexpr auto type = "condition";
  static constexpr auto fields() {
    return std::tuple{&condition::name,
                      &condition::status,
                      &condition::reason,
                      &condition::message,
                      &condition::observed_generation,
                      &condition::changed_unix_s};
  }
};

/// Null if there is none of that name.
const condition* find_condition(const std::vector<condition>& all, std::string_view name);

/// Adds `wanted`, or puts it in the place of the one of its name. The time stays that of the old
/// one if the status is the same.
void set_condition(std::vector<condition>& all, condition wanted);

struct cache_counts {
  uint32_t nodes = 0;
  uint32_t nodes_in_use = 0;
  uint32_t nodes_not_in_use = 0;
  uint32_t nodes_error = 0;
  uint32_t pods_running = 0;
  uint32_t pods_outdated = 0;

  bool operator==(const cache_counts&) const = default;

  static constexpr auto type = "cache_counts";
  static constexpr auto fields() {
    return std::tuple{
        &cache_counts::nodes,       &cache_counts::nodes_in_use, &cache_counts::nodes_not_in_use,
        &cache_counts::nodes_error, &cache_counts::pods_running, &cache_counts::pods_outdated};
  }
};

/// What all objects of ours have in common.
struct object_identity {
  std::string uid;  ///< empty: not in the API (yet)
  std::string resource_version;
  int64_t generation = 0;
  bool deleting = false;  ///< it goes once it has no finalizers left
  std::vector<std::string> finalizers;

  bool operator==(const object_identity&) const = default;

  static constexpr auto type = "object_identity";
  static constexpr auto fields() {
    return std::tuple{&object_identity::uid, &object_identity::resource_version,
                      &object_identity::generation, &object_identity::deleting,
                      &object_identity::finalizers};
  }
};

/// `status` of a cache, of which the leading operator is the only writer.
struct cache_object_status {
  digest resolved;             ///< judged; agents act on this alone
  std::string resolved_image;  ///< "repository@digest"
  std::vector<condition> conditions;
  cache_counts counts;
  int64_t observed_generation = 0;
  int64_t updated_unix_s = 0;

  bool operator==(const cache_object_status&) const = default;

  static constexpr auto type = "cache_object_status";
  static constexpr auto fields() {
    return std::tuple{&cache_object_status::resolved,
                      &cache_object_status::resolved_image,
                      &cache_object_status::conditions,
                      &cache_object_status::counts,
                      &cache_object_status::observed_generation,
                      &cache_object_status::updated_unix_s};
  }
};

/// A GKMCache or ClusterGKMCache.
struct cache_object {
  cache_ref ref;
  object_identity object;
  std::string image;             ///< `spec.image` as it was written
  digest admitted_digest;        ///< annotation gkm.io/resolvedDigest: what admission found
  std::string signature_format;  ///< label gkm.io/signature-format
  std::string kyverno_verified;  ///< annotation kyverno.io/verify-images; anybody may type it
  std::vector<std::string> pull_secrets;             ///< names; `spec.imagePullSecrets`
  std::map<std::string, std::string> node_selector;  ///< empty: every node
  cache_object_status status;

  bool operator==(const cache_object&) const = default;

  static constexpr auto type = "cache_object";
  static constexpr auto fields() {
    return std::tuple{&cache_object::ref,
                      &cache_object::object,
                      &cache_object::image,
                      &cache_object::admitted_digest,
                      &cache_object::signature_format,
                      &cache_object::kyverno_verified,
                      &cache_object::pull_secrets,
                      &cache_object::node_selector,
                      &cache_object::status};
  }
};

}  // namespace gkm
