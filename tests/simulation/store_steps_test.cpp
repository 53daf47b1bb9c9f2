/// The store and a disk that takes its time.

#include "node_steps.hpp"

namespace gkm::sim {
namespace {

/// Removing is answered when the test says so.
class slow_disk : public fake_disk {
public:
  using fake_disk::fake_disk;
  std::vector<answer<done>> removals;
  void remove(const digest&, answer<done> reply) override { removals.push_back(std::move(reply)); }
};

}  // namespace

TEST(store_steps, nothing_is_collected_before_the_volumes_are_known) {
  base::log::configure(base::log::level::off, false);
  world w(1);
  w.chaos().stop();
  fake_node n;
  agent a(w, n);
  a.inventory.set({gpu_of("gfx90a")});
  auto d = image('a', false).manifest;
  n.store[d] = {{d, "triton", 1, 8, {}, {}}, {d, 8, true}, 0};
  a.start();
  w.settle();
  a.volumes.watch(nullptr);  // nobody tells it of volumes
  caf::anon_send(a.node(), synced_atom_v);
  w.run(std::chrono::seconds(60), [] {});
  EXPECT_TRUE(n.store.contains(d));
  caf::anon_send(a.node(), mounted_atom_v);
  w.run(std::chrono::seconds(60), [] {});
  EXPECT_FALSE(n.store.contains(d));
  a.kill();
  w.settle();
}

TEST(store_steps, a_publish_that_waited_finds_what_could_not_be_removed) {
  base::log::configure(base::log::level::off, false);
  world w(1);
  w.chaos().stop();
  fake_node n;
  slow_disk disk(w, n);
  std::map<cache_ref, cache_status> statuses;
  disk.statuses = &statuses;
  stored_cache facts{image('a', false).manifest, "triton", 1, 8, {}, {}};
  n.store[facts.manifest] = {facts, {facts.manifest, 8, true}, 0};
  n.staging["staging/x"] = {facts.manifest, 8, true};
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
  EXPECT_TRUE(n.staging.empty());
  caf::anon_send_exit(store, caf::exit_reason::kill);
  store = nullptr;
  w.settle();
}

namespace {

constexpr std::chrono::seconds kept{300};

class kept_for_a_while : public node_steps {
protected:
  kept_for_a_while() {
    agent_.keep_unneeded = kept;
    agent_.start();
    caf::anon_send(agent_.node(), synced_atom_v);
    want("good");
    pass(10);
    EXPECT_EQ(status().state, cache_state::extracted);
  }
  void withdraw() { caf::anon_send(agent_.node(), deleted_atom_v, name); }
  bool is_stored() const { return node_.store.contains(image('a', false).manifest); }
};

}  // namespace

TEST_F(kept_for_a_while, what_is_wanted_again_soon_is_not_transferred_again) {
  for (int i = 0; i < 10; ++i) {
    withdraw();
    pass(200);
    ASSERT_TRUE(is_stored());
    auto transfers = agent_.images.begun;
    want("good");
    pass(200);
    EXPECT_EQ(status().state, cache_state::extracted);
    EXPECT_EQ(agent_.images.begun, transfers);
  }
}

TEST_F(kept_for_a_while, what_stays_unneeded_goes) {
  withdraw();
  pass(kept.count() - 5);
  EXPECT_TRUE(is_stored());
  pass(10);
  EXPECT_FALSE(is_stored());
}

TEST_F(kept_for_a_while, the_time_begins_when_it_was_needed_last) {
  withdraw();
  pass(200);
  want("good");
  pass(10);
  withdraw();
  pass(200);
  EXPECT_TRUE(is_stored());
  pass(200);
  EXPECT_FALSE(is_stored());
}

TEST_F(kept_for_a_while, goes_at_once_when_space_is_short) {
  withdraw();
  pass(10);
  node_.capacity_bytes = 10;  // for one of two
  agent_.images.tags[tag("other").str()] = image('c', false);
  want("other");
  pass(30);
  EXPECT_FALSE(is_stored());
  EXPECT_EQ(status().state, cache_state::extracted) << status().message;
}

}  // namespace gkm::sim
