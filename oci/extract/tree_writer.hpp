/// Writes the cache's files beneath one directory. Every name is opened relative to the descriptor
/// of its parent and never through a link, so nothing outside is reached, whatever was written
/// before. One thread; who may write what where is decided by `cache_tree`.
#pragma once

#include "base/files.hpp"
#include "messages/errors.hpp"
#include "oci/extract/extract.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::oci {

/// Paths are relative, '/'-separated, normalised; their parent directories exist. Errors:
/// `errc::no_space` (with the directory and the bytes written so far), `errc::io`, and those of the
/// meter, which may be null.
class tree_writer {
public:
  /// `open_to_all`: 0777 and 0666 whatever the umask, else as the umask says.
  static result<tree_writer> open(const std::filesystem::path& dir, bool open_to_all,
                                  disk_meter* meter);

  result<void> make_directory(std::string_view path);
  /// Between `begin_file` and `end_file` comes the file's content. `replace` removes an earlier one
  /// first.
  result<void> begin_file(std::string_view path, bool executable, bool replace);
  result<void> write(std::span<const std::byte> bytes);
  result<void> end_file();
  result<void> make_symlink(std::string_view path, std::string_view target);
  result<void> make_hard_link(std::string_view path, std::string_view existing);

private:
  struct open_directory {
    std::string name;
    base::fd fd;
  };
  struct place {
    int parent = -1;
    std::string name;
  };

  tree_writer(std::filesystem::path dir, base::fd root, bool open_to_all, disk_meter* meter);
  result<void> take(uint64_t bytes, uint64_t inodes);
  result<void> take_entry(uint64_t content_bytes);
  /// Opens the parent of `path`. Its descriptors stay open until another directory is needed:
  /// archives go through a tree directory by directory.
  result<place> locate(std::string_view path);
  tl::unexpected<error> failed(std::string_view step, std::string_view path, int code) const;

  std::filesystem::path dir_;
  base::fd root_;
  bool open_to_all_;
  disk_meter* meter_;
  std::vector<open_directory> chain_;  // from below the root to the current directory
  base::fd file_;
  std::string file_path_;
  uint64_t file_bytes_ = 0;  // of the file at hand
  uint64_t written_bytes_ = 0;
};

}  // namespace gkm::oci
