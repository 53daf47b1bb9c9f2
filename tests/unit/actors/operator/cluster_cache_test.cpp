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
                                        first_view{api_.there, {}, false, true, {}}, uint64_t{1});
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

TEST_F(one_cache, a_deletion_is_heard_though_the_watch_broke_after_a_write) {
  api_.there.pinned = digest{std::string(64, 'a')};
  start();
  auto join = [&](const std::string& node) {
    say(node_atom_v, std::vector{node_row{
                         std::make_shared<const std::string>(node), {true, true, true}, nullptr}});
  };
  // Progress, of which people are told ever more rarely.
  for (const char* node : {"a", "b", "c", "d", "e"}) {
    say(changed_atom_v, api_.there);
    run(20);
    join(node);
  }
  join("f");
  // The version that the write made is never told: the list after it has a later one.
  api_.there.object.resource_version = "another";
  api_.there.object.deleting = true;
  say(changed_atom_v, api_.there);
  run(3);
  EXPECT_TRUE(api_.there.object.finalizers.empty());
}

TEST_F(one_cache, a_finalizer_that_somebody_takes_off_at_admission_is_not_written_for_ever) {
  api_.strips_finalizers = true;
  start();
  run(600);
  EXPECT_GE(api_.finalizer_writes, 3U);
  EXPECT_LE(api_.finalizer_writes, 20U);
  EXPECT_EQ(api_.status_writes, 0U);
  api_.strips_finalizers = false;
  run(301);
  EXPECT_GT(api_.status_writes, 0U);
}

}  // namespace
}  // namespace gkm::cluster
