/// AMD's GPUs, as the kernel's driver tells them in sysfs.
#pragma once

#include "gpus/drivers/source.hpp"

#include <filesystem>

namespace gkm::gpus {

/// Where the driver lists its CPUs and GPUs, one numbered directory each.
std::filesystem::path kfd_nodes(const std::filesystem::path& root);

/// `root` holds `sys` and `proc`: "/", or where a container finds the machine's own. xnack is a
/// choice of each process, so it stays unstated.
source_report scan_kfd(const std::filesystem::path& root);

}  // namespace gkm::gpus
