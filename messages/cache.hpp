/// Caches as people name them, and what is known about them: wanted, stored, recorded, reported.
#pragma once

#include "messages/digest.hpp"
#include "messages/image_ref.hpp"
#include "messages/target.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace gkm {

/// A GKMCache (namespace and name) or a ClusterGKMCache (name alone). Namespaces may have any name,
/// so the two can only be told apart by `ns` being empty.
struct cache_ref {
  std::string ns;
  std::string name;

  /// Checks Kubernetes' rules: `ns` empty or an RFC 1123 label of at most 63 characters, `name` an
  /// RFC 1123 subdomain of at most 253. Only what passes here may become part of a path.
  static result<cache_ref> make(std::string_view ns, std::string_view name);

  bool is_cluster() const { return ns.empty(); }
  std::string_view kind() const { return is_cluster() ? "ClusterGKMCache" : "GKMCache"; }
  /// "GKMCache default/vector-add" or "ClusterGKMCache vector-add".
  std::string str() const;

  auto operator<=>(const cache_ref&) const = default;

  static constexpr auto type = "cache_ref";
  static constexpr auto fields() { return std::tuple{&cache_ref::ns, &cache_ref::name}; }
};

/// What somebody wants: this image, under this name.
struct cache_spec {
  cache_ref ref;
  image_ref image;
  std::vector<std::string> pull_secrets{};  ///< "namespace/name" of each to log in with

  bool operator==(const cache_spec&) const = default;

  static constexpr auto type = "cache_spec";
  static constexpr auto fields() {
    return std::tuple{&cache_spec::ref, &cache_spec::image, &cache_spec::pull_secrets};
  }
};

/// What an image turned out to be before any layer was touched.
struct image_plan {
  image_ref image;                    ///< as asked for
  digest resolved;                    ///< what the reference names; an index's digest if it is one
  digest manifest;                    ///< what is extracted; the key in the store
  uint64_t layer_bytes = 0;           ///< compressed, to be transferred
  uint64_t unpacked_bytes = 0;        ///< as labels claim; 0 = not said
  std::vector<target> label_targets;  ///< as labels claim; a hint, never the truth
  std::string label_problem;          ///< why a label could not be used; empty if it could
  std::vector<std::string> pull_secrets{};  ///< as it was asked for with

  /// Free space that it needs: as labels claim, else threefold, as layers usually compress.
  uint64_t expected_bytes() const { return unpacked_bytes ? unpacked_bytes : layer_bytes * 3; }

  bool operator==(const image_plan&) const = default;

  static constexpr auto type = "image_plan";
  static constexpr auto fields() {
    return std::tuple{&image_plan::image,          &image_plan::resolved,
                      &image_plan::manifest,       &image_plan::layer_bytes,
                      &image_plan::unpacked_bytes, &image_plan::label_targets,
                      &image_plan::label_problem,  &image_plan::pull_secrets};
  }
};

/// What lies extracted in the store under one digest, as its own kernels tell.
struct stored_cache {
  digest manifest;
  std::string cache_type;  ///< "triton" or "vllm"
  uint64_t files = 0;
  uint64_t bytes = 0;
  std::vector<target> targets;        ///< empty: could not be told
  std::vector<std::string> problems;  ///< kernels that could not be read, bounded
  uint64_t relocated_files = 0;       ///< that hold absolute paths: the relocation list has them

  bool operator==(const stored_cache&) const = default;

  static constexpr auto type = "stored_cache";
  static constexpr auto fields() {
    return std::tuple{&stored_cache::manifest,       &stored_cache::cache_type,
                      &stored_cache::files,          &stored_cache::bytes,
                      &stored_cache::targets,        &stored_cache::problems,
                      &stored_cache::relocated_files};
  }
};

/// Where a cache stands; the names are those of its conditions.
enum class cache_state : uint8_t { pending, extracted, running, outdated, error };
std::string_view to_string(cache_state s);
result<cache_state> parse_cache_state(std::string_view text);

/// The catalog's entry for one cache: what a restart, and the CSI driver, rely on.
struct catalog_record {
  cache_ref ref;
  std::string image;  ///< the reference that was resolved
  digest resolved;
  digest manifest;
  cache_state state = cache_state::pending;
  std::string reason;           ///< for people, if the state is error
  std::vector<target> targets;  ///< of the kernels, so that a misfit need not be pulled to be known
  errc code = errc::none;       ///< the kind of failure, if the state is error
  uint64_t files = 0;           ///< of the digest, if it is extracted
  uint64_t bytes = 0;
  uint64_t relocated_files = 0;

  bool operator==(const catalog_record&) const = default;

  static constexpr auto type = "catalog_record";
  static constexpr auto fields() {
    return std::tuple{
        &catalog_record::ref,      &catalog_record::image,          &catalog_record::resolved,
        &catalog_record::manifest, &catalog_record::state,          &catalog_record::reason,
        &catalog_record::targets,  &catalog_record::code,           &catalog_record::files,
        &catalog_record::bytes,    &catalog_record::relocated_files};
  }
};

/// What the disk held when we started.
struct recovered {
  std::vector<stored_cache> stored;
  std::vector<catalog_record> records;
  std::vector<digest> unsynced;  ///< of `stored`: written in this boot, maybe not yet on the device

  bool operator==(const recovered&) const = default;

  static constexpr auto type = "recovered";
  static constexpr auto fields() {
    return std::tuple{&recovered::stored, &recovered::records, &recovered::unsynced};
  }
};

/// A volume that is mounted now, and from which digest: what a pod's use of a cache comes down to.
struct mounted_volume {
  std::string volume_id;
  cache_ref ref;
  digest manifest;  ///< empty: the pod got an empty directory instead
  std::string pod_ns;
  std::string pod_name;

  auto operator<=>(const mounted_volume&) const = default;

  static constexpr auto type = "mounted_volume";
  static constexpr auto fields() {
    return std::tuple{&mounted_volume::volume_id, &mounted_volume::ref, &mounted_volume::manifest,
                      &mounted_volume::pod_ns, &mounted_volume::pod_name};
  }
};

/// What people see of one cache on one node.
struct cache_status {
  cache_ref ref;
  std::string image;
  cache_state state = cache_state::pending;
  errc code = errc::none;  ///< the kind of failure, if the state is error
  std::string message;     ///< what is going on, or what went wrong and what helps
  std::vector<std::string> warnings;
  digest resolved;
  stored_cache stored;  ///< empty digest: nothing extracted (yet)
  match_result match;
  uint64_t pulled_bytes = 0;  ///< while pending
  uint64_t total_bytes = 0;
  std::string path;            ///< where the cache can be used, if it can
  int64_t changed_unix_s = 0;  ///< when `state` last changed
  int64_t retry_unix_s = 0;    ///< when it is tried again; 0 = not before its cause changes
  std::vector<mounted_volume> volumes;  ///< of this digest and of those before it, by volume id

  bool operator==(const cache_status&) const = default;

  static constexpr auto type = "cache_status";
  static constexpr auto fields() {
    return std::tuple{&cache_status::ref,
                      &cache_status::image,
                      &cache_status::state,
                      &cache_status::code,
                      &cache_status::message,
                      &cache_status::warnings,
                      &cache_status::resolved,
                      &cache_status::stored,
                      &cache_status::match,
                      &cache_status::pulled_bytes,
                      &cache_status::total_bytes,
                      &cache_status::path,
                      &cache_status::changed_unix_s,
                      &cache_status::retry_unix_s,
                      &cache_status::volumes};
  }
};

}  // namespace gkm
