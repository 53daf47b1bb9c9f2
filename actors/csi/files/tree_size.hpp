/// How much a tree of files takes, where no quota keeps count.
#pragma once

#include <cstdint>

namespace gkm::csi {

/// A pod may make as many files as it likes; it does not keep us counting for ever.
constexpr uint64_t counted_inodes_max = 1'000'000;
constexpr unsigned counted_depth_max = 64;

struct tree_sizes {
  uint64_t bytes = 0;
  uint64_t inodes = 0;
  bool complete = true;  ///< false: there is more
};

/// What lies in the open directory, up to the limit above and `inodes_max`. Links are not followed;
/// a file with several names counts once. Each level holds one descriptor.
tree_sizes tree_size(int dir, uint64_t inodes_max = counted_inodes_max);

}  // namespace gkm::csi
