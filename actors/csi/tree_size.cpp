#include "actors/csi/tree_size.hpp"

#include "base/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>

namespace gkm::csi {
namespace {

constexpr uint64_t bytes_per_block = 512;  // of st_blocks, whatever the file system's blocks are

void add(int parent, unsigned depth, tree_sizes& sum) {
  base::fd dir(::openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto* stream = dir ? ::fdopendir(dir.get()) : nullptr;
  if (!stream) return;
  dir.release();
  while (const auto* entry = ::readdir(stream)) {
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    struct stat info {};
    if (::fstatat(parent, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    sum.bytes += static_cast<uint64_t>(info.st_blocks) * bytes_per_block;
    if (++sum.inodes >= counted_inodes_max) break;
    if (!S_ISDIR(info.st_mode) || depth == 0) continue;
    base::fd child(
        ::openat(parent, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (child) add(child.get(), depth - 1, sum);
  }
  ::closedir(stream);
}

}  // namespace

tree_sizes tree_size(int dir) {
  tree_sizes sum;
  add(dir, counted_depth_max, sum);
  return sum;
}

}  // namespace gkm::csi
