/// What gkm-csi was asked for, by flags and environment, checked.
#pragma once

#include "actors/csi/scratch/scratch_budget.hpp"
#include "base/program/log.hpp"
#include "messages/errors.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace gkm::csi {

struct settings {
  std::filesystem::path endpoint;      ///< the CSI socket
  std::filesystem::path registration;  ///< the registration socket; empty: do not register
  std::string kubelet_root;
  std::string node_id;
  std::filesystem::path state_dir;
  std::filesystem::path run_dir;
  std::string config_dir;  ///< followed; empty: nothing is
  base::log::level log_level = base::log::level::info;
  bool log_json = false;
  scratch_limits scratch;
  std::string scratch_config_dir;         ///< followed for them; empty: nothing is
  std::vector<std::string> scratch_keys;  ///< those that no flag gave
  bool probe = false;                     ///< ask the one that runs, do not run
};

/// "unix:///dir/sock", "unix:/dir/sock" and "/dir/sock" are the same.
/// Errors: invalid_argument (another scheme, a relative path, or one too long for a socket).
result<std::filesystem::path> parse_endpoint(const std::string& text);

/// Reads flags and environment. An exit code instead of settings means that all is said: help, the
/// version, or what is wrong with the command line.
struct command_line {
  std::optional<settings> wanted;
  int exit_code = 0;
};
command_line read_command_line(int argc, char** argv);

}  // namespace gkm::csi
