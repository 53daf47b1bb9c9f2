/// Debian's docker-registry on a loopback port, with a folder of its own. The destructor stops it.
#pragma once

#include "tests/support/child_process.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace gkm::support {

struct registry_plan {
  std::optional<server_tls> tls{};
  std::filesystem::path htpasswd{};  ///< who may use it; empty: everybody
  uint16_t port = 0;                 ///< 0: a free one
};

class registry_server {
public:
  static bool is_installed() { return find_program("docker-registry").has_value(); }

  /// Storage, configuration and log go into `folder`, and stay there for another life.
  explicit registry_server(std::filesystem::path folder, registry_plan plan = {});

  uint16_t port() const { return port_; }
  std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }

private:
  void write_config(const registry_plan& plan) const;

  std::filesystem::path folder_;
  std::unique_ptr<child_process> child_;
  uint16_t port_ = 0;
};

}  // namespace gkm::support
