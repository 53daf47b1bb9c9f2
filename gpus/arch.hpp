/// What the vendors' names and numbers for GPU architectures mean. Pure tables and functions.
///
/// CUDA families: CUDA Programming Guide, "Family-Specific Features" (compute_100f runs on 10.0 and
/// 10.3, compute_103f on 10.3, compute_120f on 12.0 and 12.1). AMD numbers, switches and generic
/// targets: LLVM's AMDGPUUsage, tables "EF_AMDGPU_MACH Values" and "Generic Processors".
#pragma once

#include "messages/target.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gkm::gpus {

/// A CUDA architecture: compute capability times ten, and `a`, `f` or 0.
struct cuda_arch {
  uint32_t sm = 0;
  char suffix = 0;

  std::string str() const;
  bool operator==(const cuda_arch&) const = default;
};

inline constexpr uint32_t min_sm = 20;
inline constexpr uint32_t max_sm = 199;
inline constexpr uint32_t first_sm_with_a = 90;
inline constexpr uint32_t first_sm_with_f = 100;

/// "75", "90a", "100f": digits and a suffix that exists for them; nothing else.
std::optional<cuda_arch> parse_cuda_arch(std::string_view text);

/// Does code built for this run on that compute capability (times ten)? `a` and no suffix: exactly
/// there, since frameworks look kernels up by capability; `f`: its family from its member on.
bool runs_on(const cuda_arch& built_for, uint32_t sm);

/// An AMD architecture by its number in an ELF header.
struct amd_arch {
  uint8_t mach = 0;
  std::string_view name;
  bool has_xnack = false;
  bool has_sramecc = false;
};

/// Null if the number is not one that LLVM has given out.
const amd_arch* find_amd_arch(uint8_t mach);

/// "gfx90a" or "gfx9-4-generic", by form; need not be in the table.
bool is_amd_arch(std::string_view name);
bool is_generic(std::string_view name);
/// Is this gfx architecture a member of that generic target?
bool is_member(std::string_view generic, std::string_view name);

/// Can both be true of one kernel? Unstated agrees with everything, "90" with "90a" and "100f",
/// `any` with on and off.
bool agree(const target& a, const target& b);
/// Do two switches allow each other? Compared only where both sides state one.
bool agree(feature a, feature b);

}  // namespace gkm::gpus
