/// The wall clock and the kernel's boot id.
#pragma once

#include "actors/csi/ports.hpp"

namespace gkm::csi {

class system_host : public host_port {
public:
  static result<std::unique_ptr<system_host>> make();

  int64_t unix_seconds() override;
  std::string boot_id() override { return boot_; }

private:
  explicit system_host(std::string boot) : boot_(std::move(boot)) {}
  std::string boot_;
};

}  // namespace gkm::csi
