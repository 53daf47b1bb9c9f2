/// How full a volume is: what its pod sees of the cache, and what the pod wrote.
#pragma once

#include "actors/csi/scratch/scratch_space.hpp"
#include "messages/volume.hpp"

#include <optional>

namespace gkm::csi {

/// `scratch` is absent for volumes that have none. Where there is no other problem, more in it than
/// the volume was granted is one. Pure functions.
volume_stats size_of(const volume_record& record, const std::optional<scratch_use>& scratch,
                     std::string problem);

}  // namespace gkm::csi
