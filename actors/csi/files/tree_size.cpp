#include "actors/csi/files/tree_size.hpp"

#include "base/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

namespace gkm::csi {
namespace {

constexpr uint64_t bytes_per_block = 512;  // of st_blocks, whatever the file system's blocks are

/// Takes the descriptor over.
void add(base::fd dir, unsigned depth, uint64_t inodes_max, tree_sizes& sum) {
  auto* stream = dir ? ::fdopendir(dir.get()) : nullptr;
  if (!stream) return;
  const int here = dir.release();
  while (const auto* entry = ::readdir(stream)) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    struct stat info {};
    if (::fstatat(here, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (sum.inodes >= inodes_max) {
      sum.complete = false;
      break;
    }
    ++sum.inodes;
    auto bytes = static_cast<uint64_t>(info.st_blocks) * bytes_per_block;
    bool is_directory = S_ISDIR(info.st_mode);
    // All of its names lie in the tree, for nothing outside can be linked from there.
    sum.bytes += is_directory ? bytes : bytes / std::max<uint64_t>(info.st_nlink, 1);
    if (!is_directory) continue;
    if (depth == 0) {
      sum.complete = false;
      continue;
    }
    base::fd child(::openat(here, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (child) add(std::move(child), depth - 1, inodes_max, sum);
  }
  ::closedir(stream);
}

}  // namespace

tree_sizes tree_size(int dir, uint64_t inodes_max) {
  tree_sizes sum;
  add(base::fd(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), counted_depth_max,
      inodes_max, sum);
  return sum;
}

}  // namespace gkm::csi
