/// What was asked of `gkm-gpu` on its command line.
#pragma once

#include "base/program/program_flags.hpp"
#include "gpus/drivers/detector.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace gkm::gpus {

struct settings {
  std::string output;
  driver_places places;
  bool watch = false;
  bool simulate = false;
  std::chrono::milliseconds limit = default_driver_limit;
  base::log_flags log;
};

/// Nothing, or the exit code with which the program ends here: help was asked for, or what was
/// asked makes no sense. Either has been said.
std::optional<int> parse_command_line(int argc, char** argv, settings& out);

}  // namespace gkm::gpus
