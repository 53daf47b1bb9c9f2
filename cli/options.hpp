/// What was asked for on the command line, and what follows from it and the environment.
#pragma once

#include "messages/target.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gkm::node {
class inventory_port;
}

namespace gkm::cli {

enum class output { table, wide, json, yaml };

/// Flags that several commands share.
struct options {
  std::string state_dir;
  std::string gpu_inventory;
  output format = output::table;
  std::vector<std::string> plain_http_hosts;
  std::string ca_file;
  std::string client_cert_file;
  std::string client_key_file;
  std::string auth_file;
};

/// /var/lib/gkm for root, else $XDG_STATE_HOME/gkm or ~/.local/state/gkm.
std::filesystem::path default_state_dir();

/// What commands that only look, or mount, take instead: under sudo, where the machine has no
/// state, that of who called sudo, if there is one.
std::filesystem::path usual_state_dir();
/// The choice: `machine`, unless only `home` has a state.
std::filesystem::path existing_state_dir(const std::filesystem::path& machine,
                                         const std::filesystem::path& home);

/// Where GPUs are looked for. Only tests have other places than these.
struct inventory_places {
  std::filesystem::path node_file;  ///< what gkm-gpu writes
  std::filesystem::path root;       ///< as in gpus/drivers/detector.hpp
  std::string nvml;

  inventory_places();
};

/// The GPUs of this machine and where they were read from.
struct inventory {
  std::vector<gpu> gpus;
  std::string origin;
  std::unique_ptr<node::inventory_port> port;  ///< follows changes

  inventory();
  inventory(inventory&&) noexcept;
  ~inventory();
};
/// As --gpu-inventory says, else simulated if NO_GPU is true, else as gkm-gpu has written, else as
/// the drivers tell this user now. `errc::not_found` if nothing tells of a GPU.
result<inventory> find_inventory(const options& o, const inventory_places& places = {});

}  // namespace gkm::cli
