/// What one vendor's driver says of its GPUs. Which of them a node has is asked of every source,
/// each by itself.
#pragma once

#include "messages/target.hpp"

#include <string>
#include <vector>

namespace gkm::gpus {

/// More than any machine has; two sources together fit into one inventory.
inline constexpr size_t max_gpus_per_source = 512;

struct source_report {
  bool present = false;   ///< false: no such driver or library here, which is normal
  std::vector<gpu> gpus;  ///< in PCI order; ids count from 0, unreadable GPUs included
  int32_t count = 0;      ///< GPUs that are there, readable or not
  std::vector<std::string> problems;
};

}  // namespace gkm::gpus
