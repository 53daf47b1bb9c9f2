/// What GPUs this node has, as a file says it: reading, writing, and the simulated ones.
#pragma once

#include "messages/target.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::gpus {

/// The seed's world: two gfx90a GPUs.
std::vector<gpu> simulated_inventory();
/// Does the environment ask for them (NO_GPU is true, 1 or yes)?
bool no_gpu_mode();

/// The inventory file (`gpus.json`):
///   {"gpus": [{"id": 0, "backend": "hip", "arch": "gfx942", "gpuType": "AMD Instinct MI300X",
///              "uuid": "…", "driverVersion": "6.10", "warpSize": 64, "xnack": "off", "sramecc":
///              "on"}]}
/// `id`, `backend` and `arch` are required, ids distinct. CUDA arch is a compute capability without
/// a suffix ("90"); "9.0" and "sm_90" are understood. Errors name the field; at most 1 MiB, 1,024
/// GPUs.
result<std::vector<gpu>> parse_inventory(std::string_view text);
result<std::vector<gpu>> read_inventory(const std::filesystem::path& file);
std::string print_inventory(const std::vector<gpu>& gpus);

}  // namespace gkm::gpus
