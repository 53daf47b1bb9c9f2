/// One volume of one pod: what is asked for, and the volume record in which gkm-csi keeps it. The
/// agent reads these records to know which digests are in use; nothing else passes between the two.
#pragma once

#include "messages/cache.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace gkm {

/// How a pod sees its cache.
enum class view_kind : uint8_t {
  overlay,   ///< private: it may write, nobody else sees it
  readonly,  ///< the cache as it is, no scratch
  copy,      ///< private, copied file by file: where an overlay is impossible
  empty,     ///< private and empty: there is no cache, the pod starts cold
};
std::string_view to_string(view_kind k);
result<view_kind> parse_view_kind(std::string_view text);

/// What NodePublishVolume asks for, checked (actors/csi/arguments.hpp). Paths are absolute and
/// normalised, without control characters.
struct publish_request {
  std::string volume_id;
  std::string target;  ///< where kubelet wants it
  cache_ref ref;
  std::string pod_ns;
  std::string pod_name;
  std::string pod_uid;
  view_kind view = view_kind::overlay;  ///< wanted; never `empty`
  std::string mount_path;               ///< where the pod sees it; empty: not said
  uint64_t scratch_bytes = 0;           ///< the most that the pod may write; 0 = no limit
  uint32_t wait_s = 0;                  ///< how long to wait for a cache that is on its way
  bool fallback_empty = false;          ///< rather an empty directory than an error

  bool operator==(const publish_request&) const = default;

  static constexpr auto type = "publish_request";
  static constexpr auto fields() {
    return std::tuple{&publish_request::volume_id,     &publish_request::target,
                      &publish_request::ref,           &publish_request::pod_ns,
                      &publish_request::pod_name,      &publish_request::pod_uid,
                      &publish_request::view,          &publish_request::mount_path,
                      &publish_request::scratch_bytes, &publish_request::wait_s,
                      &publish_request::fallback_empty};
  }
};

/// Something that people should read about a volume that works: an event on its pod.
struct volume_note {
  std::string reason;   ///< one word in CamelCase, as events have it
  std::string message;  ///< for people

  bool operator==(const volume_note&) const = default;

  static constexpr auto type = "volume_note";
  static constexpr auto fields() { return std::tuple{&volume_note::reason, &volume_note::message}; }
};

/// intent is written before anything is done, mounted after all of it: what a crash left in between
/// is undone, never guessed at.
enum class volume_phase : uint8_t { intent, mounted };
std::string_view to_string(volume_phase p);

/// The volume record: `<run>/volumes/<key>.json`, one file a volume, written by gkm-csi alone.
struct volume_record {
  std::string volume_id;
  volume_phase phase = volume_phase::intent;
  std::string boot;  ///< the boot id; a record of another boot stands for nothing
  std::string target;
  cache_ref ref;
  digest manifest;  ///< what is in use; empty for an empty view
  view_kind view = view_kind::overlay;
  std::string mount_path;
  uint64_t scratch_bytes = 0;
  uint64_t cache_files = 0;  ///< of the digest
  uint64_t cache_bytes = 0;
  std::string pod_ns;
  std::string pod_name;
  std::string pod_uid;
  std::vector<volume_note> notes;
  int64_t created_unix_s = 0;
  /// Read from a record that a later version of gkm-csi wrote and this one does not understand:
  /// only the volume, boot, target, cache and digest are sure. Never written.
  bool core_only = false;

  bool operator==(const volume_record&) const = default;

  static constexpr auto type = "volume_record";
  static constexpr auto fields() {
    return std::tuple{
        &volume_record::volume_id,      &volume_record::phase,       &volume_record::boot,
        &volume_record::target,         &volume_record::ref,         &volume_record::manifest,
        &volume_record::view,           &volume_record::mount_path,  &volume_record::scratch_bytes,
        &volume_record::cache_files,    &volume_record::cache_bytes, &volume_record::pod_ns,
        &volume_record::pod_name,       &volume_record::pod_uid,     &volume_record::notes,
        &volume_record::created_unix_s, &volume_record::core_only};
  }
};

/// Limits; a reader refuses more, a writer cuts.
/// How the problem of a volume begins that holds more than it may.
inline constexpr const char* wrote_too_much = "The pod wrote more than it may";
constexpr size_t max_volume_notes = 8;
constexpr uint64_t default_scratch_bytes = 10ULL << 30;  ///< where the pod asks for nothing else
constexpr size_t max_volume_id_chars = 256;
constexpr size_t max_path_chars = 4'095;

/// Absolute, at most `max_path_chars` long, without "." and ".." parts, doubled or trailing
/// slashes, and control characters.
bool is_normal_path(std::string_view path);

std::string print_volume_record(const volume_record& record);
/// A record of a later version, or with words that are not known, is `core_only` and counts as
/// mounted. errc::malformed if not even that can be read: a caller must then treat the volume as in
/// use.
result<volume_record> parse_volume_record(std::string_view json);

/// What NodeGetVolumeStats answers: the cache and the pod's scratch together.
struct volume_stats {
  uint64_t total_bytes = 0;
  uint64_t used_bytes = 0;
  uint64_t available_bytes = 0;
  uint64_t total_inodes = 0;
  uint64_t used_inodes = 0;
  uint64_t available_inodes = 0;
  std::string problem;  ///< why the view is broken; empty if it is not
  std::string note{};   ///< what else is to be known of it

  bool operator==(const volume_stats&) const = default;

  static constexpr auto type = "volume_stats";
  static constexpr auto fields() {
    return std::tuple{&volume_stats::total_bytes,     &volume_stats::used_bytes,
                      &volume_stats::available_bytes, &volume_stats::total_inodes,
                      &volume_stats::used_inodes,     &volume_stats::available_inodes,
                      &volume_stats::problem,         &volume_stats::note};
  }
};

}  // namespace gkm
