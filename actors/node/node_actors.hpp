/// The actors of one node: spawned in the order in which they need each other, ended in the
/// opposite one.
#pragma once

#include "actors/node/disk_ledger.hpp"
#include "actors/node/ports.hpp"
#include "actors/node/store.hpp"
#include "actors/node/usage.hpp"
#include "messages/actors/interfaces.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace gkm::node {

/// Each must outlive the actors.
struct node_ports {
  image_port& images;
  disk_port& disk;
  inventory_port& inventory;
  volume_records_port& volumes;
  clock_port& clock;
};

struct node_options {
  uint64_t seed = 0;                     ///< of pauses after failures
  std::chrono::seconds keep_unneeded{};  ///< as store_state has it
  std::optional<scrub_times> scrub{};    ///< as store_state has it
  std::shared_ptr<disk_ledger> ledger = std::make_shared<disk_ledger>();
  usage_state::observer observe_volumes{};
};

class node_actors {
public:
  /// Takes over the reporter, which ends last: what the others report at the end is still written.
  /// `volume_listener` is subscribed beside the node, `gpu_listener` as well; both may be empty.
  node_actors(caf::actor_system& system, const node_ports& ports, reporter_actor reporter,
              node_options options, const volume_listener_actor& volume_listener = {},
              const gpu_listener_actor& gpu_listener = {});
  ~node_actors() { end(); }
  node_actors(const node_actors&) = delete;
  node_actors& operator=(const node_actors&) = delete;

  const node_actor& node() const { return node_; }
  /// Returns when all have ended. No port is called afterwards.
  void end();
  /// Ends all at once, wherever they stand, and does not wait.
  void kill();

private:
  caf::actor_system& system_;
  node_actor node_;
  std::vector<caf::actor> all_;  ///< in the order in which they end
};

}  // namespace gkm::node
