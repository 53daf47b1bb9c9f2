/// Single stories of the node's actors, told step by step where the seeds rarely go.

#include "base/log.hpp"
#include "tests/support/sim_agent.hpp"

#include <gtest/gtest.h>

namespace gkm::sim {
namespace {

const cache_ref name{"default", "c"};

target hip(const char* arch) {
  target t;
  t.backend = "hip";
  t.arch = arch;
  return t;
}

gpu gpu_of(const char* arch) {
  gpu g;
  g.backend = "hip";
  g.arch = arch;
  return g;
}

image_ref tag(const char* text) { return {"registry.example", "cache", text, {}}; }

fake_image image(char fill, bool hostile) {
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
  agent agent_{world_};
};

}  // namespace

TEST_F(node_steps, a_gpu_more_does_not_give_the_image_before_the_name_of_the_wanted_one) {
  agent_.start();
  want("good");
  pass(10);
  ASSERT_EQ(status().state, cache_state::extracted) << status().message;
  want("bad");
  pass(10);
  ASSERT_EQ(status().state, cache_state::error);
  agent_.inventory.set({gpu_of("gfx90a"), gpu_of("gfx942")});
  pass(10);
  EXPECT_EQ(status().state, cache_state::error) << status().message;
  EXPECT_EQ(agent_.disk.records.at(name).image, tag("good").str());
}

TEST_F(node_steps, a_gpu_more_does_not_end_the_wait_for_a_registry) {
  agent_.start();
  want("good");
  pass(10);
  auto there = agent_.images.tags;
  agent_.images.tags.clear();
  want("good");  // not found for now: tried again later
  pass(2);
  agent_.inventory.set({gpu_of("gfx90a"), gpu_of("gfx942")});
  pass(1);
  agent_.images.tags[tag("good").str()] = image('c', false);
  pass(900);
  EXPECT_EQ(status().stored.manifest, image('c', false).manifest) << status().message;
}

TEST_F(node_steps, inventory_that_changes_at_the_start_leaves_what_is_there_served) {
  agent_.start();
  want("good");
  pass(10);
  agent_.kill();
  agent_.images.tags.clear();
  agent_.start();
  want("good");
  for (int i = 0; i < 100; ++i) {
    world_.run(duration(1), [] {});
    agent_.inventory.set({gpu_of("gfx90a"), gpu_of(i % 2 ? "gfx942" : "gfx908")});
  }
  pass(30);
  EXPECT_EQ(status().state, cache_state::extracted) << status().message;
}

namespace {

/// Removing is answered when the test says so.
class slow_disk : public fake_disk {
public:
  using fake_disk::fake_disk;
  std::vector<answer<done>> removals;
  void remove(const digest&, answer<done> reply) override { removals.push_back(std::move(reply)); }
};

}  // namespace

TEST(store_steps, a_publish_that_waited_finds_what_could_not_be_removed) {
  base::log::configure(base::log::level::off, false);
  world w(1);
  w.chaos().stop();
  slow_disk disk(w);
  std::map<cache_ref, cache_status> statuses;
  disk.statuses = &statuses;
  stored_cache facts{image('a', false).manifest, "triton", 1, 8, {}, {}};
  disk.store[facts.manifest] = {facts, {facts.manifest, 8, true}, 0};
  disk.staging["staging/x"] = {facts.manifest, 8, true};
  auto store = gkm::spawn<node::store_state>(w.system(), disk);
  auto run = [&] { w.run(std::chrono::seconds(1), [] {}); };
  caf::anon_send(store, recover_atom_v);
  run();
  caf::anon_send(store, collect_atom_v);
  run();
  ASSERT_EQ(disk.removals.size(), 1u);
  caf::anon_send(store, claim_atom_v, facts.manifest, name);
  caf::anon_send(store, publish_atom_v, std::string("staging/x"), facts);
  run();
  disk.removals[0](fail(errc::io, "input/output error"));
  run();
  bool claimed = false;
  caf::scoped_actor self(w.system());
  self->send(caf::actor_cast<caf::actor>(store), claim_atom_v, facts.manifest, name);
  run();
  self->receive([&](const stored_cache& s) { claimed = s == facts; }, [](const caf::error&) {});
  EXPECT_TRUE(claimed);
  EXPECT_TRUE(disk.staging.empty());
  caf::anon_send_exit(store, caf::exit_reason::kill);
  store = nullptr;
  w.settle();
  w.end_life();
}

}  // namespace gkm::sim
