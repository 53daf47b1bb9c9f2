/// One node's agent in the simulated world: the real actors on fake ports, for one life or many.
#pragma once

#include "actors/node/gpu_actor.hpp"
#include "actors/node/node.hpp"
#include "actors/node/puller.hpp"
#include "actors/node/reporter.hpp"
#include "actors/node/store.hpp"
#include "actors/node/usage.hpp"
#include "tests/support/sim/sim_pods.hpp"
#include "tests/support/sim/sim_ports.hpp"

#include <optional>

namespace gkm::sim {

class agent {
  process process_;  // the ports that follow die with it

public:
  agent(world& w, fake_node& n)
      : process_(w),
        images(process_, n),
        disk(process_, n),
        status(process_),
        inventory(process_),
        volumes(process_, n),
        clock(process_),
        world_(w) {
    disk.statuses = &status.seen;
  }
  ~agent() { kill(); }

  std::chrono::seconds keep_unneeded{};
  std::optional<node::scrub_times> scrub;  ///< nothing: what is stored is not read
  fake_images images;
  fake_disk disk;
  fake_status status;
  fake_inventory inventory;
  fake_usage volumes;
  fake_clock clock;

  void start() {
    auto& system = world_.system();
    auto gpu = gkm::spawn<node::gpu_state>(system, inventory);
    auto store = gkm::spawn<node::store_state>(system, disk, keep_unneeded,
                                               std::make_shared<node::disk_ledger>(), scrub);
    auto puller = gkm::spawn<node::puller_state>(system, images, store);
    auto reporter = gkm::spawn<node::reporter_state>(system, status, nullptr);
    node_ = gkm::spawn<node::node_state>(
        system, node::cache_peers{puller, store, gpu, reporter, &clock}, world_.chaos().draw());
    auto usage = gkm::spawn<node::usage_state>(system, volumes);
    caf::anon_send(usage, caf::subscribe_atom_v, *node_, store);
    all_ = {caf::actor_cast<caf::actor>(*node_),   caf::actor_cast<caf::actor>(gpu),
            caf::actor_cast<caf::actor>(store),    caf::actor_cast<caf::actor>(puller),
            caf::actor_cast<caf::actor>(reporter), caf::actor_cast<caf::actor>(usage)};
  }

  /// At once, wherever everything stands; what was under way in ports is lost.
  void kill() {
    for (auto& a : all_) caf::anon_send_exit(a, caf::exit_reason::kill);
    all_.clear();
    node_.reset();
    world_.settle();
    process_.end_life();
    images.in_flight = 0;
    inventory.watch(nullptr);
    volumes.watch(nullptr);
  }

  bool alive() const { return node_.has_value(); }
  const node_actor& node() const { return *node_; }

private:
  world& world_;
  std::optional<node_actor> node_;
  std::vector<caf::actor> all_;
};

}  // namespace gkm::sim
