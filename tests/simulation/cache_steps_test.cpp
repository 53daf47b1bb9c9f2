/// Single stories of the node's actors, told step by step where the seeds rarely go.

#include "node_steps.hpp"

namespace gkm::sim {

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
  EXPECT_EQ(node_.catalog.at(name).image, tag("good").str());
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

TEST_F(node_steps, a_new_wish_takes_the_old_reason_from_the_catalog) {
  agent_.start();
  want("bad");
  pass(10);
  ASSERT_EQ(node_.catalog.at(name).code, errc::refused);
  world_.after(duration(0), [this] { want("good"); });
  std::set<cache_state> states;
  world_.run(std::chrono::seconds(10), [&] {
    const auto& r = node_.catalog.at(name);
    if (r.image == tag("good").str()) states.insert(r.state);
  });
  EXPECT_EQ(states, (std::set{cache_state::pending, cache_state::extracted}));
}

TEST_F(node_steps, what_was_refused_is_tried_again_when_settings_have_changed) {
  agent_.start();
  want("bad");
  pass(10);
  ASSERT_EQ(status().state, cache_state::error);
  agent_.images.tags[tag("bad").str()] = image('b', false);
  pass(3'600);
  ASSERT_EQ(status().state, cache_state::error) << "by itself it is not";
  caf::anon_send(agent_.node(), retry_atom_v, cache_ref());
  pass(10);
  EXPECT_EQ(status().state, cache_state::extracted) << status().message;
}

TEST_F(node_steps, a_restart_and_a_pause_leave_the_reason_in_the_catalog) {
  agent_.start();
  want("missing");
  std::set<cache_state> states;
  auto look = [&] {
    if (auto r = node_.catalog.find(name); r != node_.catalog.end()) states.insert(r->second.state);
  };
  world_.run(std::chrono::seconds(60), look);
  agent_.kill();
  agent_.start();
  want("missing");
  world_.run(std::chrono::seconds(60), look);
  EXPECT_EQ(states, (std::set{cache_state::error}));
}

TEST_F(node_steps, the_image_before_is_served_while_the_wanted_one_cannot_be_and_all_say_so) {
  auto earlier = image('a', false).manifest;
  auto expect_served = [&](const char* when) {
    EXPECT_EQ(status().state, cache_state::error) << when;
    EXPECT_EQ(status().stored.manifest, earlier) << when;
    EXPECT_FALSE(status().path.empty()) << when;
    EXPECT_EQ(status().message.find("the earlier image " + earlier.brief() + " is served, as"), 0U)
        << when << ": " << status().message;
    const auto& r = node_.catalog.at(name);
    EXPECT_EQ(r.state, cache_state::extracted) << when;
    EXPECT_EQ(r.manifest, earlier) << when;
    EXPECT_FALSE(r.reason.empty()) << when;
  };
  agent_.start();
  want("good");
  pass(10);
  EXPECT_EQ(node_.catalog.at(name).reason, "");
  want("bad");
  pass(10);
  expect_served("when it is told");
  agent_.kill();
  agent_.start();
  want("bad");
  pass(10);
  expect_served("after a restart");
  agent_.inventory.set({gpu_of("gfx90a"), gpu_of("gfx942")});
  pass(10);
  expect_served("with a GPU more");
  want("good");
  pass(10);
  EXPECT_EQ(status().state, cache_state::extracted) << status().message;
  EXPECT_EQ(node_.catalog.at(name).reason, "");
}

TEST_F(node_steps, the_image_before_is_not_served_to_gpus_that_it_is_not_for) {
  agent_.start();
  want("good");
  pass(10);
  want("bad");
  pass(10);
  agent_.inventory.set({gpu_of("gfx942")});
  pass(10);
  EXPECT_EQ(status().state, cache_state::error);
  EXPECT_EQ(status().path, "");
  EXPECT_EQ(node_.catalog.at(name).state, cache_state::error);
}

}  // namespace gkm::sim
