/// Which GPUs this machine has, asked of every vendor's driver at once. One that is in trouble is
/// reported and keeps the others from nothing.
#pragma once

#include "gpus/drivers/bounded_source.hpp"
#include "gpus/drivers/nvml.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace gkm::gpus {

/// Where drivers are looked for.
struct driver_places {
  std::filesystem::path root = "/";  ///< holds sys, proc and dev
  std::string nvml = nvml_name;      ///< as dlopen takes it
};

struct detected_gpus {
  std::vector<gpu> gpus;              ///< AMD's, then NVIDIA's, each in PCI order
  std::vector<std::string> drivers;   ///< those that are here: "AMD", "NVIDIA"
  std::vector<std::string> problems;  ///< what could not be read, why, and what helps
};

/// Starting the driver of a machine full of GPUs that nobody uses takes seconds for each.
inline constexpr std::chrono::milliseconds default_driver_limit{30'000};

class detector {
public:
  /// `answered_late`: see `bounded_source`.
  explicit detector(driver_places places, std::chrono::milliseconds limit = default_driver_limit,
                    std::function<void()> answered_late = nullptr);

  /// Takes as long as the slowest driver, at most the limit. Of a driver that does not answer in
  /// time the GPUs that it told last time are believed to be there still.
  detected_gpus look();

private:
  struct source {
    std::string name;
    bounded_source asked;
    source_report last;
  };

  const std::chrono::milliseconds limit_;
  std::vector<source> sources_;
};

}  // namespace gkm::gpus
