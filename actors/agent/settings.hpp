/// What gkm-agent was asked on its command line and in its environment, checked.
#pragma once

#include "actors/node/disk/disk_settings.hpp"
#include "actors/node/store.hpp"
#include "base/program/log.hpp"
#include "messages/paths.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gkm::node {

struct settings {
  std::string node_name;
  std::string own_ns;
  std::string pull_secret_ns;  ///< where the operator keeps copies of pull secrets
  std::string kubeconfig;
  std::string context;
  paths where;
  bool no_gpu = false;
  std::string gpu_inventory;  ///< empty: what gkm-gpu writes
  std::vector<std::string> plain_http_hosts;
  std::string ca_file;
  std::string registry_ca_dir;  ///< has ca.crt, or will have; followed
  std::chrono::seconds keep_unneeded = unneeded_kept;
  std::string metrics_address;
  std::string health_address;
  std::string config_dir;  ///< its log level is followed; empty: it is not
  std::string
      settings_dir;  ///< shares of the disk and registries are followed; empty: they are not
  disk_flags disk;
  base::log::level log_level = base::log::level::info;
  bool log_json = false;
};

/// An exit code instead of settings means that all is said: help, the version, or what is wrong
/// with the command line.
struct command_line {
  std::optional<settings> wanted;
  int exit_code = 0;
};
command_line read_command_line(int argc, char** argv);

}  // namespace gkm::node
