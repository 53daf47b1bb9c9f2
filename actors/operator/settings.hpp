/// What gkm-operator was asked on its command line and in its environment.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gkm::op {

struct settings {
  std::string kubeconfig;
  std::string context;
  std::string own_ns;
  std::string pull_secret_ns;  ///< where copies of pull secrets are, and nothing else
  std::string identity;        ///< of this process: the pod's name
  std::string metrics_address;
  std::string health_address;
  std::string webhook_address;                ///< empty: no admission
  std::string cert_dir;                       ///< empty: GKM makes its certificates itself
  std::vector<std::string> plain_http_hosts;  ///< registries: may speak plain HTTP, may be local
  std::string registry_ca_file;
  std::string registry_ca_dir;                ///< has ca.crt, or will have; followed
  std::vector<std::string> denied_addresses;  ///< ranges of addresses that are asked for no image
  std::string webhook_client_ca;              ///< file; empty: no caller can prove who it is
  std::string webhook_client_name;            ///< common name of API servers; empty: any
  bool leader_elect = true;
  std::string log_level;  ///< empty: as the environment says, else as gkm-config does
  bool log_json = false;
};

/// Fills `out`; an exit code if that was all: help, version, wrong usage.
std::optional<int> parse_command_line(int argc, char** argv, settings& out);

}  // namespace gkm::op
