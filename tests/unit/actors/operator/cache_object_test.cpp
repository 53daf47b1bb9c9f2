#include "actors/operator/cache_object.hpp"

#include "base/program/log.hpp"
#include "fake_cluster.hpp"
#include "messages/names.hpp"
#include "tests/support/sim/sim_world.hpp"

#include <gtest/gtest.h>

namespace gkm::op {
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
        gkm::spawn<cache_object_state>(world_.system(), cluster_ports{api_, *asked_, clock_},
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
  resolver_port* asked_ = &registry_;
  fake_clock clock_;
  cache_object_actor actor_;
};

TEST_F(one_cache, a_registry_that_is_down_is_not_asked_more_often_for_every_watch_that_broke) {
  start();
  for (int i = 0; i < 20; ++i) {
    run(60);
    say(act_atom_v, false);
    say(act_atom_v, true);
  }
  run(600);
  auto before = registry_.asked;
  run(3'600);
  EXPECT_LE(registry_.asked - before, 3'600u / 150) << "once in 150 to 300 s";
  EXPECT_GE(registry_.asked - before, 3'600u / 300);
}

/// Answers when told to.
struct slow_registry : resolver_port {
  std::vector<answer<digest>> waiting;
  std::vector<std::string> secrets;
  std::vector<std::stop_token> stops;
  void resolve(const cache_object& cache, std::stop_token stop, answer<digest> reply) override {
    secrets = cache.pull_secrets;
    stops.push_back(std::move(stop));
    waiting.push_back(std::move(reply));
  }
};

TEST_F(one_cache, says_that_its_image_is_being_resolved_then_its_digest) {
  slow_registry slow;
  asked_ = &slow;
  api_.there.pull_secrets = {"login"};
  start();
  ASSERT_EQ(slow.waiting.size(), 1U);
  EXPECT_EQ(slow.secrets, std::vector<std::string>{"login"});
  EXPECT_EQ(api_.status_writes, 1U);
  const auto* pending = find_condition(api_.there.status.conditions, "Pending");
  ASSERT_TRUE(pending);
  EXPECT_EQ(pending->reason, "Resolving");
  EXPECT_TRUE(api_.there.status.resolved.empty());
  run(600);
  EXPECT_EQ(slow.waiting.size(), 1U) << "one question at a time";
  EXPECT_EQ(api_.status_writes, 1U);
  slow.waiting.front()(digest{std::string(64, 'a')});
  run(1);
  EXPECT_EQ(api_.there.status.resolved.hex, std::string(64, 'a'));
  EXPECT_EQ(api_.status_writes, 2U);
}

TEST_F(one_cache, gives_up_what_it_asked_for_an_image_that_it_does_not_have_any_more) {
  slow_registry slow;
  asked_ = &slow;
  start();
  EXPECT_FALSE(slow.stops.at(0).stop_requested());
  api_.there.image = "registry.example/x:v2";
  ++api_.there.object.generation;
  api_.there.object.resource_version = "new";
  say(changed_atom_v, api_.there);
  run(2);
  EXPECT_TRUE(slow.stops.at(0).stop_requested());
  ASSERT_EQ(slow.stops.size(), 2U);
  slow.waiting[0](fail(errc::cancelled, "as it was told"));
  run(1);
  EXPECT_EQ(slow.stops.size(), 2U) << "that is no failure";
  caf::anon_send_exit(actor_, caf::exit_reason::kill);
  world_.settle();
  EXPECT_TRUE(slow.stops.at(1).stop_requested()) << "the cache is gone";
}

struct quick_registry : resolver_port {
  void resolve(const cache_object&, std::stop_token, answer<digest> reply) override {
    reply(digest{std::string(64, 'a')});
  }
};

TEST_F(one_cache, a_digest_that_is_found_at_once_costs_no_further_write) {
  quick_registry quick;
  asked_ = &quick;
  start();
  EXPECT_EQ(api_.there.status.resolved.hex, std::string(64, 'a'));
  EXPECT_EQ(api_.status_writes, 1U);
}

TEST_F(one_cache, says_why_its_image_is_not_resolved_and_tries_again) {
  slow_registry slow;
  asked_ = &slow;
  start();
  slow.waiting.back()(fail(errc::not_found, "there is no Secret 'team/login'"));
  run(3);  // a second status of the same reason is no hurry
  const auto* ready = find_condition(api_.there.status.conditions, "Ready");
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->reason, "Pending");
  EXPECT_EQ(ready->message, "there is no Secret 'team/login'; it is tried again");
  run(10);
  EXPECT_GT(slow.waiting.size(), 1U);
}

TEST_F(one_cache, a_deletion_is_heard_though_the_watch_broke_after_a_write) {
  api_.there.admitted_digest = digest{std::string(64, 'a')};
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

TEST_F(one_cache, a_finalizer_that_went_is_not_taken_off_again) {
  api_.there.object.finalizers = {std::string(names::in_use_finalizer)};
  api_.there.object.deleting = true;
  start();
  EXPECT_EQ(api_.removals, 1U);
  auto past = api_.there;
  past.object.finalizers = {std::string(names::in_use_finalizer)};
  say(changed_atom_v, past);
  say(act_atom_v, false);
  say(act_atom_v, true);
  run(600);
  EXPECT_EQ(api_.removals, 1U);
  EXPECT_EQ(api_.status_writes, 0U);
}

TEST_F(one_cache, an_object_of_the_same_name_begins_anew) {
  api_.there.object.finalizers = {std::string(names::in_use_finalizer)};
  api_.there.object.deleting = true;
  start();
  ASSERT_TRUE(api_.gone);
  api_.gone = false;
  api_.there.object = {"another uid", "2", 1, false, {}};
  say(changed_atom_v, api_.there);
  run(1);
  EXPECT_TRUE(has_finalizer(api_.there));
}

TEST_F(one_cache, that_is_deleted_names_the_pods_that_it_waits_for) {
  digest_hold hold;
  hold.resolved = digest{std::string(64, 'a')};
  hold.state = hold_state::extracted;
  hold.pods = 2;
  api_.there.status.resolved = hold.resolved;
  api_.there.object.finalizers = {std::string(names::in_use_finalizer)};
  api_.there.object.deleting = true;
  api_.pods = {"p1", "p2"};
  auto row = [&] {
    return node_row{std::make_shared<const std::string>("gpu-1"),
                    {true, true, true},
                    std::make_shared<const node_holding>(node_holding{{hold}})};
  };
  auto ready = [&] {
    const auto* c = find_condition(api_.there.status.conditions, "Ready");
    return c ? c->reason + ": " + c->message : std::string();
  };
  actor_ =
      gkm::spawn<cache_object_state>(world_.system(), cluster_ports{api_, *asked_, clock_},
                                     first_view{api_.there, {row()}, false, true, {}}, uint64_t{1});
  run(1);
  EXPECT_EQ(ready(), "Deleting: Deletion waits for pods p1, p2 on gpu-1 to end");
  run(600);
  EXPECT_EQ(api_.asked_for_pods, 1U) << "what is known is not asked for again";
  hold.pods = 1;
  api_.pods = {"p2"};
  say(node_atom_v, std::vector{row()});
  run(2);
  EXPECT_EQ(ready(), "Deleting: Deletion waits for pod p2 on gpu-1 to end");
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
}  // namespace gkm::op
