/// The volume records in `<run>/volumes`, watched: what changed is read, nothing else.
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
class volume_record_watch : public volume_records_port {
public:
  volume_record_watch(paths where, std::string boot);
  ~volume_record_watch() override;
  void watch(std::function<void(std::vector<volume_record_change>)> changed) override;

private:
  const paths where_;
  const std::string boot_;
  std::unique_ptr<base::directory_watch> watch_;
};

}  // namespace gkm::node
