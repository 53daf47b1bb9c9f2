/// NVIDIA's GPUs, as the driver's own library tells them.
#pragma once

#include "gpus/drivers/source.hpp"

namespace gkm::gpus {

inline constexpr const char* nvml_name = "libnvidia-ml.so.1";

/// May take long, or never return, if the driver is in trouble: see `bounded_source`. The driver is
/// let go again before it returns. A GPU in MIG mode is one GPU: its instances have its compute
/// capability.
source_report scan_nvml(const std::string& library = nvml_name);

}  // namespace gkm::gpus
