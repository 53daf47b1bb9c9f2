/// An actor that acts only while its process leads, alone in a world without faults.
#pragma once

#include "messages/actors/interfaces.hpp"
#include "tests/support/sim/sim_world.hpp"

#include <gtest/gtest.h>

namespace gkm::op {

template <class Actor>
class leading_actor : public ::testing::Test {
protected:
  void run(int seconds = 1) {
    world_.run(sim::duration(seconds * 1'000), [] {});
  }
  template <class... Ts>
  void tell(const Ts&... what) {
    caf::anon_send(actor_, what...);
    run();
  }
  void lead(bool yes) { tell(act_atom_v, yes); }
  void TearDown() override {
    caf::anon_send_exit(actor_, caf::exit_reason::kill);
    world_.settle();
  }

  sim::world world_{1};
  Actor actor_;
};

}  // namespace gkm::op
