/// One node of the AMD driver's topology, as its `properties` file tells it. Pure functions.
///
/// Fields and bits: Linux, drivers/gpu/drm/amd/amdkfd/kfd_topology.c and
/// include/uapi/linux/kfd_sysfs.h.
#pragma once

#include "messages/target.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gkm::gpus {

struct kfd_properties {
  uint64_t simd_count = 0;  ///< 0: a CPU
  uint64_t gfx_target_version = 0;
  uint64_t wave_front_size = 0;
  uint64_t capability = 0;
  uint64_t unique_id = 0;
  uint64_t domain = 0;
  uint64_t location_id = 0;
  uint64_t drm_render_minor = 0;
};

/// Lines of a name and a decimal number; what is unknown or no number is passed over.
kfd_properties parse_kfd_properties(std::string_view text);

/// 90010 is "gfx90a", 110001 "gfx1101". Empty if it is none.
std::string gfx_name(uint64_t gfx_target_version);

/// What ROCm takes the GPU for, unless told otherwise: on if the driver guards its memories, off if
/// not, unstated if this architecture has no such switch.
feature sramecc_of(std::string_view arch, uint64_t capability);

}  // namespace gkm::gpus
