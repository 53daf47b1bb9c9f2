/// What the text files beside a kernel say about its target: Triton's JSON and PTX.
#pragma once

#include "gpus/arch.hpp"
#include "messages/target.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace gkm::gpus {

inline constexpr size_t max_kernel_json_bytes = 256 << 10;
inline constexpr size_t max_ptx_bytes = 4 << 10;  ///< `.target` stands in the first lines

/// The `target` of a Triton kernel's JSON. Nothing if this is some other JSON, an error if it has a
/// target that is no GPU architecture.
std::optional<result<target>> read_kernel_json(std::string_view text);

/// The first `.target` of a PTX text.
std::optional<cuda_arch> read_ptx_target(std::string_view text);

}  // namespace gkm::gpus
