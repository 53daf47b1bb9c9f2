/// One node without faults, for stories that are told step by step.
#pragma once

#include "base/program/log.hpp"
#include "hip.hpp"
#include "tests/support/sim/sim_agent.hpp"
#include "tests/support/sim/sim_pods.hpp"

#include <gtest/gtest.h>

namespace gkm::sim {

inline const cache_ref name{"default", "c"};

inline image_ref tag(const char* text) { return {"registry.example", "cache", text, {}}; }

inline fake_image image(char fill, bool hostile) {
  fake_image i;
  i.manifest.hex = std::string(64, fill);
  i.kernels = {hip("gfx90a")};
  i.bytes = 8;
  i.hostile = hostile;
  return i;
}

class node_steps : public testing::Test {
protected:
  node_steps() {
    base::log::configure(base::log::level::off, false);
    world_.chaos().stop();
    agent_.inventory.set({gpu_of("gfx90a")});
    agent_.images.tags[tag("good").str()] = image('a', false);
    agent_.images.tags[tag("bad").str()] = image('b', true);
  }
  ~node_steps() override {
    agent_.kill();
    world_.settle();
  }

  void want(const char* which) {
    caf::anon_send(agent_.node(), changed_atom_v, cache_spec{name, tag(which)});
  }
  void pass(int seconds) {
    world_.run(std::chrono::seconds(seconds), [] {});
  }
  const cache_status& status() { return agent_.status.seen.at(name); }

  world world_{1};
  fake_node node_;
  agent agent_{world_, node_};
  pods pods_{world_, node_};
};

}  // namespace gkm::sim
