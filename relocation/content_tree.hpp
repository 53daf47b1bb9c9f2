/// A cache's content on disk, seen from its root. Nothing outside is reached, wherever links lead.
#pragma once

#include "base/files.hpp"
#include "messages/errors.hpp"

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

namespace gkm::relocation {

class content_tree {
public:
  static result<content_tree> open(const std::filesystem::path& dir);

  /// The longest end of a path, absolute or relative, that names a file or directory in here:
  /// relative, normalised, fit for a relocation list. Empty if there is none.
  std::string longest_suffix(std::string_view path);
  /// How often the disk was asked so far: a hostile cache may ask for much.
  uint64_t lookups() const { return lookups_; }

  /// A regular file of at most `max_bytes`, else errc::limit_exceeded.
  result<std::string> read(const std::string& path, size_t max_bytes) const;

private:
  explicit content_tree(base::fd root) : root_(std::move(root)) {}
  bool has(const std::string& path);

  base::fd root_;
  std::set<std::string, std::less<>> absent_;  ///< some names that the root does not have
  uint64_t lookups_ = 0;
};

}  // namespace gkm::relocation
