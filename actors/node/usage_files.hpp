/// The usage records in `<run>/volumes`, watched: what changed is read, nothing else.
#pragma once

#include "actors/node/ports.hpp"
#include "messages/paths.hpp"

#include <memory>
#include <string>

namespace gkm::base {
class directory_watch;
}

namespace gkm::node {

/// A record that does not parse, or lies under another volume's name, is logged once: what was
/// known of that volume stays. What it may use is not removed (`is_in_use` in volume_records.hpp).
class usage_files : public usage_port {
public:
  usage_files(paths where, std::string boot);
  ~usage_files() override;
  void watch(std::function<void(std::vector<usage_change>)> changed) override;

private:
  const paths where_;
  const std::string boot_;
  std::unique_ptr<base::directory_watch> watch_;
};

}  // namespace gkm::node
