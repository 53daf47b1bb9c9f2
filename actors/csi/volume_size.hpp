/// How full a volume is: what its pod sees of the cache, and what the pod wrote.
#pragma once

#include "actors/csi/scratch_space.hpp"
#include "messages/volume.hpp"

#include <optional>

namespace gkm::csi {

/// `scratch` is absent for volumes that have none. Where there is no other problem, more in it than
/// the volume was granted is one. Pure functions.
volume_stats size_of(const volume_record& record, const std::optional<scratch_use>& scratch,
                     std::string problem);

/// What its pod's events shall say of a volume with that problem, if it wrote too much.
std::optional<volume_note> note_of(const volume_record& record, const volume_stats& stats);

}  // namespace gkm::csi
