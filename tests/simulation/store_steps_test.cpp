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
  caf::anon_send(a.node(), volumes_synced_atom_v);
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
  caf::anon_send(store, commit_atom_v, std::string("staging/x"), facts);
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

class damage : public node_steps {
protected:
  fake_content& content() { return node_.store.at(image('a', false).manifest).content; }
  bool is_whole() {
    auto it = node_.store.find(image('a', false).manifest);
    return it != node_.store.end() && !it->second.content.has_lost_a_file &&
           !it->second.content.has_another_byte;
  }
};

TEST_F(damage, a_lost_file_is_found_when_a_restart_claims_it) {
  agent_.start();
  want("good");
  pass(10);
  content().has_lost_a_file = true;
  agent_.kill();
  agent_.start();
  want("good");
  pass(10);
  EXPECT_TRUE(is_whole());
  EXPECT_EQ(status().state, cache_state::extracted) << status().message;
}

TEST_F(damage, a_lost_file_is_found_when_a_pod_is_about_to_use_it) {
  agent_.start();
  want("good");
  pass(10);
  content().has_lost_a_file = true;
  pass(600);
  EXPECT_FALSE(is_whole()) << "nobody has looked";
  pods_.publish(name);
  pass(10);
  EXPECT_TRUE(is_whole());
}

TEST_F(damage, another_byte_is_found_when_all_is_read_and_mounts_wait_meanwhile) {
  agent_.scrub = node::scrub_times{};
  agent_.start();
  want("good");
  pass(100);
  ASSERT_EQ(status().state, cache_state::extracted) << status().message;
  content().has_another_byte = true;
  bool pending = false;
  world_.run(std::chrono::hours(25), [&] {
    bool gone = !node_.store.contains(image('a', false).manifest);
    pending = pending || (gone && node_.catalog.at(name).state == cache_state::pending);
  });
  EXPECT_TRUE(pending) << "the record named what was not there";
  EXPECT_TRUE(is_whole());
  EXPECT_EQ(status().state, cache_state::extracted) << status().message;
}

TEST_F(damage, without_its_registry_says_so_and_goes_on_trying) {
  agent_.scrub = node::scrub_times{};
  agent_.start();
  want("good");
  pass(30);
  auto there = agent_.images.tags;
  agent_.images.tags.clear();
  content().has_another_byte = true;
  pass(120);
  EXPECT_EQ(status().state, cache_state::error) << status().message;
  EXPECT_TRUE(status().path.empty());
  agent_.images.tags = there;
  pass(1'800);
  EXPECT_TRUE(is_whole());
  EXPECT_EQ(status().state, cache_state::extracted) << status().message;
}

constexpr std::chrono::seconds kept{300};

/// What a store that knows its limits answers to a claim.
class limited_store {
public:
  limited_store() {
    base::log::configure(base::log::level::off, false);
    world_.chaos().stop();
    disk_.statuses = &statuses_;
    ledger_->with([](node::disk_budget& b) {
      node::disk_limits limits;
      limits.tenant = {100, 100};
      b.limit(limits);
    });
  }
  ~limited_store() {
    caf::anon_send_exit(store_, caf::exit_reason::kill);
    store_ = nullptr;
    world_.settle();
  }

  /// Was here before, and maybe somebody's.
  void has(char fill, uint64_t bytes, const cache_ref* whose = nullptr) {
    auto d = image(fill, false).manifest;
    node_.store[d] = {{d, "triton", 1, bytes, {}, {}}, {d, bytes, true}, 0};
    ledger_->with([&](node::disk_budget& b) { b.put(d, {bytes, 1}); });
    if (whose) node_.write({*whose, "i", d, d, cache_state::extracted, {}, {}});
  }
  void start() {
    store_ = gkm::spawn<node::store_state>(world_.system(), disk_, kept, ledger_);
    caf::anon_send(store_, recover_atom_v);
    pass();
  }
  errc claim(char fill, const cache_ref& ref) {
    auto told = errc::internal;
    caf::scoped_actor self(world_.system());
    self->send(caf::actor_cast<caf::actor>(store_), claim_atom_v, image(fill, false).manifest, ref);
    pass();
    self->receive([&](const stored_cache&) { told = errc::none; },
                  [&](const caf::error& e) { told = from_caf(e).code; });
    return told;
  }
  void release(char fill, const cache_ref& ref) {
    caf::anon_send(store_, release_atom_v, image(fill, false).manifest, ref);
    pass();
  }

  void collect() {
    caf::anon_send(store_, collect_atom_v);
    pass();
  }
  void limit_to(uint64_t bytes) {
    ledger_->with([&](node::disk_budget& b) {
      auto limits = b.limits();
      limits.store = {bytes, 100};
      b.limit(limits);
    });
  }
  std::string held() const {
    std::string all;
    for (const auto& [d, s] : node_.store) all += d.hex.front();
    return all;
  }

private:
  void pass() {
    world_.run(std::chrono::seconds(1), [] {});
  }

  /// As the real one: what is gone counts no more.
  class counting_disk : public fake_disk {
  public:
    counting_disk(process p, fake_node& n, std::shared_ptr<node::disk_ledger> ledger)
        : fake_disk(std::move(p), n), ledger_(std::move(ledger)) {}
    void remove(const digest& d, answer<done> reply) override {
      fake_disk::remove(d, [this, d, reply](result<done> outcome) {
        if (outcome) ledger_->with([&](node::disk_budget& b) { b.drop(d); });
        reply(std::move(outcome));
      });
    }

  private:
    std::shared_ptr<node::disk_ledger> ledger_;
  };

  world world_{1};
  fake_node node_;
  std::shared_ptr<node::disk_ledger> ledger_ = std::make_shared<node::disk_ledger>();
  counting_disk disk_{world_, node_, ledger_};
  std::map<cache_ref, cache_status> statuses_;
  store_actor store_;
};

}  // namespace

TEST(store_steps, a_claim_beyond_a_tenants_limit_is_refused_to_that_tenant_alone) {
  limited_store store;
  store.has('a', 60);
  store.has('b', 60);
  store.start();
  const cache_ref one{"one", "c"}, again{"one", "d"}, two{"two", "c"}, cluster{"", "c"};
  EXPECT_EQ(store.claim('a', one), errc::none);
  EXPECT_EQ(store.claim('a', again), errc::none) << "it counts once for the namespace";
  EXPECT_EQ(store.claim('b', one), errc::limit_exceeded);
  EXPECT_EQ(store.claim('b', two), errc::none);
  EXPECT_EQ(store.claim('a', cluster), errc::none);
  EXPECT_EQ(store.claim('b', cluster), errc::limit_exceeded);
  store.release('a', one);
  EXPECT_EQ(store.claim('b', one), errc::limit_exceeded) << "another cache there still has it";
  store.release('a', again);
  EXPECT_EQ(store.claim('b', one), errc::none);
}

TEST(store_steps, what_a_tenant_had_before_a_restart_it_keeps) {
  const cache_ref one{"one", "c"}, other{"one", "d"};
  limited_store store;
  store.has('a', 60, &one);
  store.has('b', 60, &other);
  store.has('c', 1);
  store.start();
  EXPECT_EQ(store.claim('a', one), errc::none);
  EXPECT_EQ(store.claim('b', other), errc::none);
  EXPECT_EQ(store.claim('c', one), errc::limit_exceeded);
}

TEST(store_steps, a_crowded_store_lets_go_of_what_was_used_longest_ago) {
  limited_store store;
  store.has('a', 30);
  store.has('b', 30);
  store.has('c', 30);
  store.start();
  const cache_ref one{"one", "c"}, two{"two", "c"}, three{"three", "c"};
  EXPECT_EQ(store.claim('c', one), errc::none);
  EXPECT_EQ(store.claim('b', two), errc::none);
  EXPECT_EQ(store.claim('a', three), errc::none);
  store.collect();
  store.release('c', one);
  store.release('a', three);
  EXPECT_EQ(store.held(), "abc") << "there is room";
  store.limit_to(80);  // crowded above 72
  store.release('b', two);
  EXPECT_EQ(store.held(), "ab");
  EXPECT_EQ(store.claim('b', two), errc::none);
  store.limit_to(20);
  store.release('a', three);
  EXPECT_EQ(store.held(), "b") << "what is claimed stays, however crowded it is";
  store.release('b', one);
  EXPECT_EQ(store.held(), "b");
}

namespace {

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
