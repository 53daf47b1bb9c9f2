/// Would the framework on this GPU find its kernels in a cache built for these targets? Pure
/// functions.
#pragma once

#include "messages/target.hpp"

#include <string>
#include <vector>

namespace gkm::gpus {

/// Same backend and same compute capability or gfx architecture. "90a" is exactly 9.0; "100f" is
/// the family 10.x from 10.0 on; a generic gfx target is its members. Warp size, xnack and sramecc
/// count only where both sides state them ("any" fits both).
bool fits(const target& built_for, const gpu& device);

/// One verdict per GPU. Without targets nothing is known and no GPU is judged.
match_result match(const std::vector<target>& targets, const std::vector<gpu>& gpus);

/// Do a label's targets and the kernels' targets say the same? Empty if so (or if there is no
/// label), else one line: "label says gfx942, kernels are built for gfx90a". "90" agrees with
/// "90a".
std::string compare_label(const std::vector<target>& label, const std::vector<target>& kernels);

/// Normalises a label's or JSON's arch: 75 → "75", "sm_75" → "75", "sm_90a" → "90a". Anything that
/// is no architecture ("sm_12.9", "", "foo") is an error that says why.
result<target> parse_target(std::string_view backend, std::string_view arch, uint32_t warp_size);

}  // namespace gkm::gpus
