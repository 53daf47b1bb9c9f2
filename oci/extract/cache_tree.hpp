/// What has been extracted so far, by path: decides what may be created where. No I/O; the one who
/// writes asks here first. A path is kept as a hash with this process's own key, so that memory is
/// a matter of the number of entries alone, and nobody outside can make two paths that are alike.
#pragma once

#include "messages/errors.hpp"
#include "oci/extract/extract.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gkm::oci {

/// What one entry takes at most: the hash, what is known of it, its place in the table.
constexpr uint64_t tree_entry_memory_max = 96;

/// Paths are as `path_in_content` returns them, never empty. All errors are `errc::refused` but for
/// `errc::limit_exceeded` of files.
class cache_tree {
public:
  explicit cache_tree(const extract_limits& limits) : limits_(limits) {}

  void begin_layer() { ++layer_; }

  enum class step { create, replace, nothing };

  /// The directories that must be made before `path` can be, outermost first. Refused if `path`
  /// lies beneath something that is no directory.
  result<std::vector<std::string_view>> add_parents(std::string_view path);
  /// A directory may be named as often as one likes.
  result<step> add_directory(std::string_view path);
  /// A regular file may replace one of an earlier layer; nothing else may replace anything.
  result<step> add_file(std::string_view path, uint64_t size_bytes);
  result<void> add_symlink(std::string_view path);
  /// A hard link counts as a file of the size of `existing`, which must be a regular file.
  result<void> add_hard_link(std::string_view path, std::string_view existing);
  /// To be called for every entry of a layer, also for those that are not the cache's: all of them,
  /// and the directories that they imply, count toward the limit of files.
  result<void> count_entry();

  uint64_t files() const { return files_; }
  uint64_t bytes() const { return bytes_; }

private:
  enum class kind : uint8_t { directory, file, symlink };
  struct node {
    kind what;
    uint32_t layer;
    uint64_t size_bytes;
  };
  struct key {
    uint64_t high;
    uint64_t low;
    bool operator==(const key&) const = default;
  };
  struct hash {
    size_t operator()(const key& k) const { return k.low; }
  };

  static key key_of(std::string_view path);
  const node* find(std::string_view path) const;
  void insert(std::string_view path, kind what, uint64_t size_bytes);
  static std::string_view name_of(kind what);

  extract_limits limits_;
  std::unordered_map<key, node, hash> nodes_;
  std::string last_parent_;
  uint32_t layer_ = 0;
  uint64_t entries_ = 0;
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace gkm::oci
