/// A Triton cache directory as Triton 3 leaves it: a directory per key, with metadata, texts,
/// binary and group file of one kernel, and directories with the compiled launcher and driver
/// helper.
#pragma once

#include "messages/errors.hpp"
#include "sample/target.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace gkm::sample {

struct cache_plan {
  gpu_target target;
  /// Where the cache pretends to have been made: group files hold absolute paths below it.
  std::string root;
  unsigned kernels = 3;
  /// Of all files together, hit within a few percent; kernels differ in size.
  uint64_t bytes = 80'000;
  uint64_t seed = 1;
};

struct cache_made {
  uint64_t files = 0;
  uint64_t bytes = 0;
};

/// Writes the cache into `dir`, which is made if it is missing and must be empty.
result<cache_made> write_triton_cache(const std::filesystem::path& dir, const cache_plan& plan);

}  // namespace gkm::sample
