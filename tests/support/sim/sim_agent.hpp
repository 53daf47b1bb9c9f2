/// One node's agent in the simulated world: the real actors on fake ports, for one life or many.
#pragma once

#include "actors/node/node_actors.hpp"
#include "actors/node/reporter.hpp"
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
    auto reporter = gkm::spawn<node::reporter_state>(system, status, nullptr);
    node::node_options options;
    options.seed = world_.chaos().draw();
    options.keep_unneeded = keep_unneeded;
    options.scrub = scrub;
    actors_.emplace(system, node::node_ports{images, disk, inventory, volumes, clock}, reporter,
                    options);
  }

  /// At once, wherever everything stands; what was under way in ports is lost.
  void kill() {
    if (actors_) actors_->kill();
    actors_.reset();
    world_.settle();
    process_.end_life();
    images.in_flight = 0;
    inventory.watch(nullptr);
    volumes.watch(nullptr);
  }

  bool alive() const { return actors_.has_value(); }
  const node_actor& node() const { return actors_->node(); }

private:
  world& world_;
  std::optional<node::node_actors> actors_;
};

}  // namespace gkm::sim
