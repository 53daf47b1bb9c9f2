/// What a kernel was built for, and what a node has: the two sides of GPU matching.
#pragma once

#include "messages/errors.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace gkm {

/// A switch of an AMD code object or GPU (xnack, sramecc).
enum class feature : uint8_t { unstated, any, off, on };
std::string_view to_string(feature f);
/// Of what can be stated: "any", "off" or "on".
std::optional<feature> parse_feature(std::string_view text);

/// One target of a cache. `arch` is as Triton writes it: "75", "90a", "100f" for CUDA, "gfx90a" for
/// HIP, "gfx9-4-generic" for a generic code object.
struct target {
  std::string backend;  ///< "cuda" or "hip"
  std::string arch;
  uint32_t warp_size = 0;  ///< threads; 0 = unstated
  feature xnack = feature::unstated;
  feature sramecc = feature::unstated;

  /// "sm_90a" or "gfx90a:sramecc+:xnack-": how the vendors' tools write it.
  std::string str() const;

  auto operator<=>(const target&) const = default;

  static constexpr auto type = "target";
  static constexpr auto fields() {
    return std::tuple{&target::backend, &target::arch, &target::warp_size, &target::xnack,
                      &target::sramecc};
  }
};

/// One GPU of a node, as the inventory states it.
struct gpu {
  int32_t id = 0;
  std::string backend;  ///< "cuda" or "hip"
  std::string arch;     ///< "75", "90" (compute capability, no suffix) or "gfx90a"
  std::string name;     ///< "NVIDIA H100 80GB HBM3"; `gpuType` in node reports
  std::string uuid;
  std::string driver_version;
  uint32_t warp_size = 0;
  feature xnack = feature::unstated;
  feature sramecc = feature::unstated;

  /// "sm_90" or "gfx942".
  std::string arch_str() const;

  bool operator==(const gpu&) const = default;

  static constexpr auto type = "gpu";
  static constexpr auto fields() {
    return std::tuple{&gpu::id,        &gpu::backend, &gpu::arch,
                      &gpu::name,      &gpu::uuid,    &gpu::driver_version,
                      &gpu::warp_size, &gpu::xnack,   &gpu::sramecc};
  }
};

/// One GPU's verdict on a cache.
struct gpu_verdict {
  int32_t id = 0;
  bool compatible = false;
  std::string reason;  ///< why not: "built for gfx90a, this is gfx942"; empty if compatible

  bool operator==(const gpu_verdict&) const = default;

  static constexpr auto type = "gpu_verdict";
  static constexpr auto fields() {
    return std::tuple{&gpu_verdict::id, &gpu_verdict::compatible, &gpu_verdict::reason};
  }
};

/// The verdict of all GPUs of a node.
struct match_result {
  bool known = false;  ///< false: the cache's targets could not be told, so nothing is claimed
  std::vector<gpu_verdict> gpus;

  /// True if some GPU can use the cache, or nobody can tell.
  bool usable() const;
  /// One line for people: every distinct reason once, with the GPUs it holds for.
  std::string summary() const;

  bool operator==(const match_result&) const = default;

  static constexpr auto type = "match_result";
  static constexpr auto fields() { return std::tuple{&match_result::known, &match_result::gpus}; }
};

}  // namespace gkm
