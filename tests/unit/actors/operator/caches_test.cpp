#include "actors/operator/caches.hpp"

#include "actors/operator/pull_secrets.hpp"
#include "base/base64.hpp"
#include "base/program/log.hpp"
#include "base/sealing.hpp"
#include "fake_cluster.hpp"
#include "messages/pull_secret.hpp"
#include "tests/support/sim/sim_world.hpp"

#include <gtest/gtest.h>

namespace gkm::op {
namespace {

class caches : public ::testing::Test {
protected:
  caches() {
    base::log::configure(base::log::level::off, false);
    api_.there.ref = {"team", "x"};
    api_.there.image = "registry.example/x@" + digest_.str();
    api_.there.admitted_digest = digest_;
    api_.there.object.uid = "uid";
    api_.there.object.resource_version = "1";
    api_.there.object.generation = 1;
  }
  ~caches() override {
    caf::anon_send_exit(actor_, caf::exit_reason::kill);
    caf::anon_send_exit(secrets_, caf::exit_reason::kill);
    world_.settle();
  }

  template <class... Ts>
  void say(const Ts&... message) {
    caf::anon_send(actor_, message...);
    world_.run(sim::duration(2'000), [] {});
  }
  std::string reason() const {
    return find_condition(api_.there.status.conditions, "Ready")->reason;
  }

  void pass(int seconds) {
    world_.run(sim::duration(seconds * 1'000), [] {});
  }
  /// What the node's agent says of itself; `renewed` 0: one that never does.
  void node_reports(int64_t renewed) {
    node_report report;
    report.name = report.node_name = "one";
    report.gpus = {{"MI210", "6.1", {0}}};
    report.renewed_unix_s = renewed;
    say(report_atom_v, summarize(report));
  }
  /// It has the cache.
  void node_holds() {
    node_report report;
    report.ns = "team";
    report.name = report.node_name = "one";
    condition extracted;
    extracted.name = "Extracted";
    extracted.status = condition_status::yes;
    report.caches["x"][digest_].conditions = {extracted};
    say(report_atom_v, summarize(report));
  }
  /// A node that is Ready and holds a cache that is being deleted.
  void begin_deletion(int64_t renewed) {
    say(changed_atom_v, api_.there);
    say(node_atom_v, node_facts{"one", {}, true, 0});
    node_reports(renewed);
    node_holds();
    say(synced_atom_v, true);
    say(lead_atom_v, true);
    api_.there.object.deleting = true;
    api_.there.object.resource_version = "deleting";
    say(changed_atom_v, api_.there);
  }
  bool is_held() const { return !api_.there.object.finalizers.empty(); }

  sim::world world_{1};
  const digest digest_{std::string(64, 'a')};
  fake_api api_;
  deaf_registry registry_;
  fake_clock clock_;
  small_secrets secrets_port_;
  pull_secrets_actor secrets_ =
      gkm::spawn<pull_secrets_state>(world_.system(), static_cast<secrets_port&>(secrets_port_),
                                     std::string("gkm-system"), uint64_t{1});
  caches_actor actor_ = gkm::spawn<caches_state>(
      world_.system(), cluster_ports{api_, registry_, clock_}, secrets_, uint64_t{1});
};

TEST_F(caches, a_node_whose_report_is_not_filled_in_yet_is_not_said_to_have_no_gpu) {
  say(changed_atom_v, api_.there);
  say(node_atom_v, node_facts{"one", {}, true, 0});
  say(synced_atom_v, true);
  say(lead_atom_v, true);
  ASSERT_EQ(reason(), "Pending");
  node_report report;
  report.name = "one";
  say(report_atom_v, summarize(report));
  EXPECT_EQ(reason(), "Pending");
  report.node_name = "one";
  report.gpus = {{"MI210", "6.1", {0}}};
  say(report_atom_v, summarize(report));
  EXPECT_EQ(reason(), "Pending");
  EXPECT_EQ(api_.there.status.counts.nodes, 1u);
  report.gpus.clear();
  say(report_atom_v, summarize(report));
  EXPECT_EQ(reason(), "Error") << "now it says so";
}

/// What becomes of a cache's pull secret on a node.
class secrets_of_caches : public caches {
protected:
  void report(const std::string& node, const std::string& private_key) {
    node_report r;
    r.name = r.node_name = node;
    r.pull_secret_key = base::to_base64(*base::public_key_of(private_key));
    say(report_atom_v, summarize(r));
  }
  bool reads(const std::string& node, const std::string& private_key) {
    world_.run(sim::duration(10'000), [] {});
    return base::open_sealed(secrets_port_.sealed, pull_secret_copy("team", "login"), node,
                             private_key)
        .has_value();
  }
  void begin() {
    api_.there.pull_secrets = {"login"};
    api_.there.node_selector = {{"zone", "a"}};
    say(changed_atom_v, api_.there);
    say(node_atom_v, node_facts{"in", {{"zone", "a"}}, true, 0});
    say(node_atom_v, node_facts{"out", {{"zone", "b"}}, true, 0});
    report("in", in_);
    report("out", out_);
    report("claimed", claimed_);
    say(synced_atom_v, true);
    say(lead_atom_v, true);
  }

  const std::string in_ = *base::make_private_key();
  const std::string out_ = *base::make_private_key();
  const std::string claimed_ = *base::make_private_key();
};

TEST_F(secrets_of_caches, are_for_the_nodes_that_match_and_exist) {
  begin();
  EXPECT_TRUE(reads("in", in_));
  EXPECT_FALSE(reads("out", out_));
  say(node_atom_v, node_facts{"out", {{"zone", "a"}}, true, 0});
  EXPECT_TRUE(reads("out", out_)) << "labelled";
  api_.there.node_selector.clear();
  ++api_.there.object.generation;
  say(changed_atom_v, api_.there);
  EXPECT_TRUE(reads("in", in_));
  EXPECT_FALSE(reads("claimed", claimed_)) << "a report without a Node";
  say(node_gone_atom_v, std::string("out"));
  EXPECT_FALSE(reads("out", out_)) << "its Node is gone";
  say(retract_atom_v, std::string(), std::string("in"));
  EXPECT_FALSE(reads("in", in_)) << "its report is gone";
}

TEST_F(secrets_of_caches, follow_another_key) {
  begin();
  auto other = *base::make_private_key();
  report("in", other);
  EXPECT_TRUE(reads("in", other));
  EXPECT_FALSE(reads("in", in_));
}

TEST_F(caches, a_ready_node_whose_agent_is_silent_for_long_holds_nothing_up) {
  begin_deletion(1'000);
  ASSERT_TRUE(is_held());
  for (int i = 1; i <= 5; ++i) {
    pass(180);
    node_reports(1'000 + 180 * i);
  }
  pass(590);
  EXPECT_TRUE(is_held()) << "it was heard of";
  pass(60);
  EXPECT_FALSE(is_held());
}

TEST_F(caches, an_agent_that_never_renews_is_of_an_earlier_version_and_counts) {
  begin_deletion(0);
  pass(86'400);
  EXPECT_TRUE(is_held());
}

TEST_F(caches, what_could_not_be_heard_is_not_held_against_a_node) {
  begin_deletion(1'000);
  pass(300);
  say(synced_atom_v, false);
  pass(86'400);
  say(synced_atom_v, true);
  pass(500);
  EXPECT_TRUE(is_held()) << "the API server was away, and agents come back one by one";
  node_reports(90'000);
  pass(500);
  EXPECT_TRUE(is_held());
  pass(200);
  EXPECT_FALSE(is_held());
}

TEST_F(caches, a_node_that_was_given_up_counts_again_when_its_agent_is_back) {
  say(changed_atom_v, api_.there);
  say(node_atom_v, node_facts{"one", {}, true, 0});
  node_reports(1'000);
  node_holds();
  say(synced_atom_v, true);
  say(lead_atom_v, true);
  pass(60);
  ASSERT_EQ(api_.there.status.counts.nodes, 1u);
  pass(700);
  EXPECT_EQ(api_.there.status.counts.nodes, 0u);
  // Of the clock of the node nothing depends.
  node_reports(7);
  pass(60);
  EXPECT_EQ(api_.there.status.counts.nodes, 1u);
  EXPECT_EQ(reason(), "Extracted");
}

TEST_F(caches, one_too_many_reads_so_in_its_own_status_and_is_served_when_there_is_room) {
  for (size_t i = 0; i < caches_per_namespace_max; ++i) {
    auto other = api_.there;
    other.ref.name = "a" + std::to_string(i);
    other.status.resolved = digest_;
    caf::anon_send(actor_, changed_atom_v, other);
  }
  say(node_atom_v, node_facts{"one", {}, true, 0});
  node_reports(0);
  say(synced_atom_v, true);
  say(changed_atom_v, api_.there);
  api_.only = api_.there.ref;
  say(lead_atom_v, true);
  EXPECT_EQ(reason(), "LimitExceeded");
  EXPECT_TRUE(api_.there.status.resolved.empty()) << "or nodes would have it";
  say(deleted_atom_v, cache_ref{"team", "a7"});
  EXPECT_EQ(reason(), "Pending");
  EXPECT_EQ(api_.there.status.resolved, digest_);
  EXPECT_EQ(api_.there.status.counts.nodes, 1u);
}

}  // namespace
}  // namespace gkm::op
