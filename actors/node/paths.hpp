/// The state directory, drawn once.
///
///   <root>/                                    0755
///     lock                                     held by the one process that writes here
///     store/sha256/<hex>/                      0700   one extracted manifest, immutable
///       content/                               what `io.<type>.cache/` held
///       meta.json                              a stored_cache
///       unsynced                               the boot id, until a sync has finished
///     staging/<random>/{content,meta.json,…}   0700   being extracted, or on its way out
///     caches/ns/<namespace>/<name>/            a GKMCache
///     caches/cluster/<name>/                   a ClusterGKMCache
///       record.json                            a catalog_record
///       status.json                            a cache_status
///       content                                → the content directory of the digest in use
#pragma once

#include "messages/cache.hpp"

#include <filesystem>

namespace gkm::node {

struct paths {
  std::filesystem::path root;

  std::filesystem::path lock() const { return root / "lock"; }
  std::filesystem::path store() const { return root / "store" / "sha256"; }
  std::filesystem::path stored(const digest& d) const { return store() / d.hex; }
  std::filesystem::path staging() const { return root / "staging"; }
  std::filesystem::path caches() const { return root / "caches"; }
  std::filesystem::path cache(const cache_ref& ref) const {
    return ref.is_cluster() ? caches() / "cluster" / ref.name : caches() / "ns" / ref.ns / ref.name;
  }
  std::filesystem::path record(const cache_ref& ref) const { return cache(ref) / "record.json"; }
  std::filesystem::path status(const cache_ref& ref) const { return cache(ref) / "status.json"; }
  std::filesystem::path exposed(const cache_ref& ref) const { return cache(ref) / "content"; }

  /// Names inside a digest's or a staging directory.
  static constexpr const char* content = "content";
  static constexpr const char* meta = "meta.json";
  static constexpr const char* unsynced = "unsynced";
};

/// The cache directories below `p.caches()`; what is no valid name is left out.
std::vector<cache_ref> list_caches(const paths& p);

}  // namespace gkm::node
