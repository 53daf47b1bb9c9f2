#include "actors/node/gpu_actor.hpp"

#include "base/program/log.hpp"
#include "tests/support/sim/sim_world.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

class manual_inventory : public inventory_port {
public:
  std::function<void(result<std::vector<gpu>>)> changed;
  void watch(std::function<void(result<std::vector<gpu>>)> f) override { changed = std::move(f); }
};

std::vector<gpu> gpus_of(const char* arch) {
  gpu g;
  g.backend = "hip";
  g.arch = arch;
  return {g};
}

class gpu_actor_test : public testing::Test {
protected:
  gpu_actor_test() {
    base::log::configure(base::log::level::off, false);
    gpu_ = gkm::spawn<gpu_state>(world_.system(), inventory_);
    world_.settle();
  }
  ~gpu_actor_test() override {
    caf::anon_send_exit(gpu_, caf::exit_reason::kill);
    if (node_) caf::anon_send_exit(node_, caf::exit_reason::kill);
    world_.settle();
    inventory_.changed = nullptr;
  }

  std::shared_ptr<std::optional<bool>> ask() {
    auto usable = std::make_shared<std::optional<bool>>();
    world_.system().spawn([=, this](caf::event_based_actor* self) {
      self->request(gpu_, std::chrono::seconds(3'600), match_atom_v,
                    std::vector<target>{{"hip", "gfx90a"}})
          .then([usable](const match_result& m) { *usable = m.usable(); });
    });
    world_.settle();
    return usable;
  }
  void learn(result<std::vector<gpu>> seen) {
    inventory_.changed(std::move(seen));
    world_.settle();
  }
  void subscribe() {
    node_ = world_.system().spawn(
        [this](gpu_listener_actor::pointer) -> gpu_listener_actor::behavior_type {
          return {[this](gpus_atom, const std::vector<gpu>& gpus) { told_.push_back(gpus); },
                  [this](no_gpus_atom, const std::string& why) { problems_.push_back(why); }};
        });
    caf::anon_send(gpu_, caf::subscribe_atom_v, node_);
    world_.settle();
  }

  sim::world world_{1};
  manual_inventory inventory_;
  gpu_actor gpu_;
  gpu_listener_actor node_;
  std::vector<std::vector<gpu>> told_;
  std::vector<std::string> problems_;
};

}  // namespace

TEST_F(gpu_actor_test, questions_wait_for_the_first_inventory) {
  auto early = ask();
  EXPECT_FALSE(*early);
  learn(fail(errc::io, "not yet"));
  EXPECT_FALSE(*early);
  learn(gpus_of("gfx90a"));
  EXPECT_EQ(*early, true);
  EXPECT_EQ(*ask(), true);
}

TEST_F(gpu_actor_test, a_later_inventory_counts_from_then_on) {
  learn(gpus_of("gfx90a"));
  learn(gpus_of("gfx942"));
  EXPECT_EQ(*ask(), false);
}

TEST_F(gpu_actor_test, a_broken_inventory_keeps_the_one_before) {
  learn(gpus_of("gfx90a"));
  learn(fail(errc::malformed, "not JSON"));
  EXPECT_EQ(*ask(), true);
}

TEST_F(gpu_actor_test, the_node_hears_of_each_change_once) {
  subscribe();
  EXPECT_TRUE(told_.empty());
  learn(gpus_of("gfx90a"));
  learn(gpus_of("gfx90a"));
  learn(fail(errc::io, "gone"));
  learn({});
  EXPECT_EQ(told_, (std::vector<std::vector<gpu>>{gpus_of("gfx90a"), {}}));
  EXPECT_EQ(problems_, std::vector<std::string>{"gone"});
}

TEST_F(gpu_actor_test, who_subscribes_late_is_told_at_once) {
  learn(gpus_of("gfx90a"));
  subscribe();
  EXPECT_EQ(told_, (std::vector<std::vector<gpu>>{gpus_of("gfx90a")}));
}

}  // namespace gkm::node
