/// What pods do to a cache, to its status and to the store, step by step.

#include "messages/record.hpp"
#include "node_steps.hpp"

namespace gkm::sim {

TEST_F(node_steps, a_cache_is_running_while_a_pod_uses_what_it_serves) {
  agent_.start();
  want("good");
  pass(10);
  pods_.publish(name);
  pass(10);
  EXPECT_EQ(status().state, cache_state::running);
  EXPECT_EQ(status().volumes, node_.mounted(name));
  EXPECT_EQ(status().volumes.size(), 1u);
  pods_.unpublish_any();
  pass(10);
  EXPECT_EQ(status().state, cache_state::extracted);
  EXPECT_TRUE(status().volumes.empty());
}

TEST_F(node_steps, a_pod_keeps_the_digest_before_until_it_goes) {
  agent_.start();
  caf::anon_send(agent_.node(), synced_atom_v);
  want("good");
  pass(10);
  pods_.publish(name);
  pass(10);
  agent_.images.tags[tag("good").str()] = image('c', false);
  want("good");
  pass(10);
  auto before = image('a', false).manifest;
  EXPECT_EQ(status().state, cache_state::extracted) << status().message;
  EXPECT_EQ(status().stored.manifest, image('c', false).manifest);
  ASSERT_EQ(status().volumes.size(), 1u);
  EXPECT_EQ(status().volumes[0].manifest, before);
  EXPECT_EQ(node_.store.size(), 2u);
  pods_.unpublish_any();
  pass(10);
  EXPECT_FALSE(node_.store.contains(before));
}

TEST_F(node_steps, a_cache_that_is_deleted_leaves_its_pods_what_they_use) {
  agent_.start();
  caf::anon_send(agent_.node(), synced_atom_v);
  want("good");
  pass(10);
  pods_.publish(name);
  pass(10);
  caf::anon_send(agent_.node(), deleted_atom_v, name);
  pass(10);
  EXPECT_TRUE(node_.catalog.empty());
  EXPECT_TRUE(agent_.status.seen.empty());
  EXPECT_EQ(node_.store.size(), 1u);
  want("good");
  pass(10);
  EXPECT_EQ(status().state, cache_state::running) << "the pod was not forgotten";
  caf::anon_send(agent_.node(), deleted_atom_v, name);
  pods_.unpublish_any();
  pass(10);
  EXPECT_TRUE(node_.store.empty());
}

TEST_F(node_steps, a_cache_in_error_still_shows_its_pods) {
  agent_.start();
  want("good");
  pass(10);
  pods_.publish(name);
  pass(10);
  agent_.inventory.set({gpu_of("gfx942")});
  pass(10);
  EXPECT_EQ(status().state, cache_state::error);
  EXPECT_EQ(status().volumes, node_.mounted(name));
  agent_.kill();
  agent_.start();
  want("good");
  pass(10);
  EXPECT_EQ(status().volumes, node_.mounted(name)) << "nor does a restart forget them";
}

TEST_F(node_steps, volumes_beyond_the_limit_are_counted) {
  agent_.start();
  want("good");
  pass(10);
  for (size_t i = 0; i < max_status_volumes + 5; ++i) pods_.publish(name);
  pass(60);
  EXPECT_EQ(status().volumes.size(), max_status_volumes);
  ASSERT_FALSE(status().warnings.empty());
  EXPECT_EQ(status().warnings.back(), "1005 volumes use it, not all are listed");
}

}  // namespace gkm::sim
