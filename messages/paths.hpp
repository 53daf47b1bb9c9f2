/// The disk tree, drawn once. Every path below a state directory is made here and nowhere else.
///
// clang-format off
///   <root>/                                          `/var/lib/gkm` in a cluster
///     lock                                           held by the one agent
///     store/layout                       agent       the version of this tree, a number
///     store/sha256/<hex>/                agent  0700 one extracted manifest, immutable
///       content/                                     what `io.<type>.cache/` held
///       meta.json                                    a stored_cache
///       occupied                                     bytes and inodes that it takes on the disk
///       relocations                                  a relocation_list; absent if none is needed
///       seal                                         sums of content and relocations
///       damaged                                      found by a check: it is pulled again
///       unsynced                                     the boot id, until a sync has finished
///     store/pull-secrets.key             agent  0600 opens copies of pull secrets
///     staging/<random>/{content,…}       agent  0700 being extracted, or on its way out
///     staging/<hex>/                     agent  0700 taken out of the store, whole: goes back
///                                                    after a crash, or if it is in use after all
///     staging/<hex>.<random>/            agent  0700 damaged: swept at start unless it is in use
///     caches/ns/<namespace>/<name>/      agent       a GKMCache
///     caches/cluster/<name>/             agent       a ClusterGKMCache
///       record.json                                  a catalog_record
///       status.json                                  a cache_status
///       content                                      → the content directory of the digest in use
///     relocated/<hex>/<path key>/        gkm-csi 0700 files rewritten for one mount path
///     relocated/empty/                   gkm-csi      holds nothing: a layer of read-only views
///     scratch/                           gkm-csi 0700 locked by the one mounter, too
///     scratch/<volume key>/{upper,work}  gkm-csi 0700 what one pod writes
///     scratch/.<random>/                 gkm-csi     on its way out
///   <run>/                                           `/run/gkm` in a cluster
///     csi.lock                                       held by the one mounter
///     gpus.json                          gkm-gpu     the inventory
///     volumes/<volume key>.json          gkm-csi     a volume_record
///     csi-metrics                        gkm-csi     what it counts; the agent serves it
///   /run/gkm/mounts/<volume key>.json    gkm mount   which state directory a mount is of
// clang-format on
///
/// Keys are the SHA-256 of the volume id or mount path, in hexadecimal. Each directory has one
/// writer, named in the second column.
#pragma once

#include "messages/cache.hpp"

#include <filesystem>
#include <string>

namespace gkm {

struct paths {
  std::filesystem::path root;
  std::filesystem::path run;

  /// The tree for one state directory: what lasts until the next boot lies in `/run/gkm` for
  /// `/var/lib/gkm`, and in `run` below any other.
  static paths below(const std::filesystem::path& root) {
    return {root, root == "/var/lib/gkm" ? std::filesystem::path("/run/gkm") : root / "run"};
  }

  std::filesystem::path lock() const { return root / "lock"; }
  std::filesystem::path store() const { return root / "store" / "sha256"; }
  std::filesystem::path layout() const { return root / "store" / "layout"; }
  std::filesystem::path stored(const digest& d) const { return store() / d.hex; }
  std::filesystem::path pull_secret_key() const { return root / "store" / "pull-secrets.key"; }
  std::filesystem::path staging() const { return root / "staging"; }
  std::filesystem::path taken_out(const digest& d) const { return staging() / d.hex; }
  std::filesystem::path caches() const { return root / "caches"; }
  std::filesystem::path cache(const cache_ref& ref) const {
    return ref.is_cluster() ? caches() / "cluster" / ref.name : caches() / "ns" / ref.ns / ref.name;
  }
  std::filesystem::path record(const cache_ref& ref) const { return cache(ref) / "record.json"; }
  std::filesystem::path status(const cache_ref& ref) const { return cache(ref) / "status.json"; }
  std::filesystem::path exposed(const cache_ref& ref) const { return cache(ref) / "content"; }

  std::filesystem::path relocated() const { return root / "relocated"; }
  std::filesystem::path scratches() const { return root / "scratch"; }
  std::filesystem::path scratch(const std::string& volume_key) const {
    return scratches() / volume_key;
  }

  /// Of all state directories of this machine.
  static std::filesystem::path host_mounts() { return "/run/gkm/mounts"; }

  std::filesystem::path gpus() const { return run / "gpus.json"; }
  std::filesystem::path csi_lock() const { return run / "csi.lock"; }
  std::filesystem::path csi_metrics() const { return run / "csi-metrics"; }
  std::filesystem::path volumes() const { return run / "volumes"; }
  std::filesystem::path volume(const std::string& volume_key) const {
    return volumes() / (volume_key + ".json");
  }

  /// What `layout` says of this tree; a later one has a higher number.
  static constexpr int layout_version = 1;

  /// Names inside a digest's or a staging directory.
  static constexpr const char* content = "content";
  static constexpr const char* meta = "meta.json";
  static constexpr const char* occupied = "occupied";
  static constexpr const char* relocations = "relocations";
  static constexpr const char* seal = "seal";
  static constexpr const char* damaged = "damaged";
  static constexpr const char* unsynced = "unsynced";
};

}  // namespace gkm
