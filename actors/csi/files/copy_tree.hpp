/// Copies a cache file by file, for views that cannot be overlays.
#pragma once

#include "actors/csi/files/long_work.hpp"

namespace gkm::csi {

/// Each level holds two descriptors.
constexpr unsigned copied_depth_max = 32;

/// Copies directories, files and links of one open directory into another. Files that are there
/// already are replaced. Everybody may read and write the copies. `budget_bytes` goes down by what
/// was copied. Errors: limit_exceeded (too much, too deep), no_space, io, those of `work`.
result<void> copy_tree(int from, int to, uint64_t& budget_bytes, const long_work& work = {});

}  // namespace gkm::csi
