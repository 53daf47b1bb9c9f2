/// The GPU a sample cache is made for, as Triton's metadata and the kernels' ELF headers say it.
#pragma once

#include "messages/errors.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gkm::sample {

enum class gpu_backend { cuda, hip };

struct gpu_target {
  gpu_backend backend = gpu_backend::hip;
  /// "gfx90a" or "sm_90a".
  std::string name;
  /// 90 for sm_90 and sm_90a; nothing for hip.
  unsigned compute_capability = 0;
  unsigned warp_size = 64;
  uint32_t elf_flags = 0;
};

/// "gfx90a", "sm_75", "sm_90a", …
result<gpu_target> parse_target(std::string_view name);

}  // namespace gkm::sample
