/// What a start finds, and makes of it: only volumes that are wholly mounted stay.
#pragma once

#include "actors/csi/mounts/held_views.hpp"
#include "actors/csi/mounts/relocated_layers.hpp"
#include "actors/csi/mounts/target_tree.hpp"
#include "actors/csi/mounts/volume_records.hpp"
#include "actors/csi/scratch/scratch_space.hpp"

namespace gkm::csi {

struct recovery_tools {
  const std::string& boot;
  const std::string& instance;
  int root;                        ///< the open state directory
  const std::string& only_target;  ///< empty: all beneath the root of `targets`
  const target_tree& targets;
  const volume_records& records;
  scratch_space& scratch;
  relocated_layers& layers;
  held_views& held;
};

/// Compares mount table, records, scratch and targets. Of volumes of this boot whose target is not
/// this process's business nothing is touched: their mounts may be out of its sight. What cannot be
/// undone is said in the log and tried again at the next start. What a later version recorded, or
/// what a record that cannot be read may be about, stays mounted and on disk.
result<void> recover_volumes(const recovery_tools& with);

}  // namespace gkm::csi
