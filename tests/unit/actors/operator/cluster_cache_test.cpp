#include "actors/operator/cluster_cache.hpp"

#include "base/log.hpp"
#include "fake_cluster.hpp"
#include "tests/support/sim_world.hpp"

#include <gtest/gtest.h>

namespace gkm::cluster {
namespace {

class one_cache : public ::testing::Test {
protected:
  one_cache() {
    base::log::configure(base::log::level::off, false);
    api_.there.ref = {"team", "x"};
    api_.there.image = "registry.example/x:v1";
    api_.there.object.uid = "uid";
    api_.there.object.resource_version = "1";
    api_.there.object.generation = 1;
  }
  ~one_cache() override {
    caf::anon_send_exit(actor_, caf::exit_reason::kill);
    world_.settle();
  }

  void start() {
    actor_ =
        gkm::spawn<cluster_cache_state>(world_.system(), cluster_ports{api_, registry_, clock_},
                                        first_view{api_.there, {}, false, true}, uint64_t{1});
    run(1);
  }
  template <class... Ts>
  void say(const Ts&... message) {
    caf::anon_send(actor_, message...);
    world_.settle();
  }
  void run(int seconds) {
    world_.run(sim::duration(seconds * 1'000), [] {});
  }

  sim::world world_{1};
  fake_api api_;
  deaf_registry registry_;
  fake_clock clock_;
  cluster_cache_actor actor_;
};

TEST_F(one_cache, a_registry_that_is_down_is_not_asked_more_often_for_every_watch_that_broke) {
  start();
  for (int i = 0; i < 20; ++i) {
    run(60);
    say(lead_atom_v, false);
    say(lead_atom_v, true);
  }
  run(600);
  auto before = registry_.asked;
  run(3'600);
  EXPECT_LE(registry_.asked - before, 3'600u / 150) << "once in 150 to 300 s";
  EXPECT_GE(registry_.asked - before, 3'600u / 300);
}

}  // namespace
}  // namespace gkm::cluster
