#include "actors/operator/rollouts.hpp"

#include "leading_actor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::op {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct fake_daemons : rollouts_port {
  std::map<std::string, daemon_set> there;
  std::vector<std::string> log;
  std::vector<bad_setting> complaints;
  std::vector<error> failures;  ///< of the next writes

  fake_daemons() {
    there["gkm-agent"] = {"gkm-agent", "1", {{"gkm-agent", "a:1"}}, {{"prepare", "a:1"}}, ""};
    there["gkm-csi-node"] = {"gkm-csi-node", "1", {{"gkm-csi", "c:1"}, {"gkm-gpu", "c:1"}}, {}, ""};
  }

  void read(const std::string& daemon, answer<daemon_set> reply) override {
    log.push_back("read " + daemon);
    auto at = there.find(daemon);
    if (at == there.end()) return reply(fail(errc::not_found, "no such DaemonSet"));
    reply(at->second);
  }
  void write(const daemon_set& wanted, answer<done> reply) override {
    log.push_back("write " + wanted.name);
    if (!failures.empty()) {
      auto why = failures.front();
      failures.erase(failures.begin());
      return reply(fail(why));
    }
    auto& now = there[wanted.name];
    if (now.version != wanted.version) return reply(fail(errc::conflict, "it has been modified"));
    now = wanted;
    now.version = std::to_string(std::stoi(now.version) + 1);
    reply(done{});
  }
  void complain(const bad_setting& about) override { complaints.push_back(about); }
};

class rollouts : public leading_actor<rollouts_actor> {
protected:
  rollouts() {
    actor_ = gkm::spawn<rollouts_state>(world_.system(), static_cast<rollouts_port&>(port_),
                                        uint64_t{1});
  }

  void configure(const config_data& data) { tell(changed_atom_v, data); }
  const daemon_set& agent() { return port_.there["gkm-agent"]; }
  const daemon_set& csi() { return port_.there["gkm-csi-node"]; }

  const config_data as_deployed_{
      {"gkm.agent.image", "a:1"}, {"gkm.csi.image", "c:1"}, {"gkm.nogpu", "false"}};
  fake_daemons port_;
};

TEST_F(rollouts, write_nothing_where_all_is_right) {
  configure(as_deployed_);
  EXPECT_THAT(port_.log, IsEmpty()) << "it does not lead";
  lead(true);
  EXPECT_THAT(port_.log, ElementsAre("read gkm-agent", "read gkm-csi-node"));
  port_.log.clear();
  auto more = as_deployed_;
  more["gkm.agent.log.level"] = "debug";
  configure(more);
  EXPECT_THAT(port_.log, IsEmpty());
}

TEST_F(rollouts, bring_every_container_of_ours_to_a_new_image_in_one_write) {
  lead(true);
  configure(as_deployed_);
  port_.there["gkm-csi-node"].containers.push_back({"mesh", "m:1"});
  port_.log.clear();
  auto next = as_deployed_;
  next["gkm.agent.image"] = "a:2";
  next["gkm.csi.image"] = "localhost:5000/c@sha256:" + std::string(64, 'a');
  configure(next);
  EXPECT_THAT(port_.log, ElementsAre("read gkm-agent", "read gkm-csi-node", "write gkm-agent",
                                     "write gkm-csi-node"));
  EXPECT_EQ(agent().containers[0].image, "a:2");
  EXPECT_EQ(agent().init_containers[0].image, "a:2");
  EXPECT_EQ(csi().containers[0].image, next["gkm.csi.image"]);
  EXPECT_EQ(csi().containers[1].image, next["gkm.csi.image"]);
  EXPECT_EQ(csi().containers[2].image, "m:1") << "it is not GKM's";
}

TEST_F(rollouts, make_pods_anew_when_gpus_are_simulated_or_not_any_more) {
  lead(true);
  configure(as_deployed_);
  EXPECT_EQ(agent().version, "1");
  auto other = as_deployed_;
  other["gkm.nogpu"] = "true";
  configure(other);
  EXPECT_EQ(agent().no_gpu, "true");
  EXPECT_EQ(csi().no_gpu, "true");
  EXPECT_EQ(agent().version, "2");
  configure(as_deployed_);
  EXPECT_EQ(agent().no_gpu, "false");
  EXPECT_EQ(agent().version, "3");
}

TEST_F(rollouts, leave_alone_what_has_no_setting) {
  lead(true);
  configure({});
  EXPECT_THAT(port_.log, IsEmpty());
  configure({{"gkm.csi.image", "c:2"}});
  EXPECT_THAT(port_.log, ElementsAre("read gkm-csi-node", "write gkm-csi-node"));
  configure({});
  EXPECT_EQ(csi().containers[0].image, "c:2") << "taking the setting away changes nothing";
  EXPECT_EQ(csi().version, "2");
}

TEST_F(rollouts, refuse_nonsense_once_and_keep_what_was) {
  auto bad = as_deployed_;
  bad["gkm.agent.image"] = "not an image!";
  bad["gkm.csi.image"] = "oci:/var/lib/x";
  bad["gkm.nogpu"] = "perhaps\n";
  bad["gkm.kyverno.enabled"] = "?";
  configure(bad);
  EXPECT_THAT(port_.complaints, IsEmpty()) << "the leader says it";
  lead(true);
  ASSERT_EQ(port_.complaints.size(), 4u);
  EXPECT_EQ(port_.complaints[0].key, "gkm.agent.image");
  EXPECT_EQ(port_.complaints[0].value, "not an image!");
  EXPECT_EQ(port_.complaints[2].value, "perhaps?") << "fit to be shown";
  configure(bad);
  EXPECT_EQ(port_.complaints.size(), 4u);
  EXPECT_EQ(agent().version, "1");
  bad["gkm.agent.image"] = "still not an image!";
  configure(bad);
  EXPECT_EQ(port_.complaints.size(), 5u);
  bad["gkm.agent.image"] = "docker://a.example/agent:2";
  configure(bad);
  EXPECT_EQ(port_.complaints.size(), 6u) << "kubelet would not take it";
  EXPECT_EQ(agent().version, "1");
}

TEST_F(rollouts, fight_nobody) {
  lead(true);
  configure(as_deployed_);
  port_.there["gkm-agent"].containers[0].image = "by-hand:1";
  port_.log.clear();
  run(3'600);
  EXPECT_THAT(port_.log, IsEmpty());
}

TEST_F(rollouts, read_again_after_a_conflict_and_try_again_after_an_outage) {
  lead(true);
  configure(as_deployed_);
  port_.failures = {{errc::conflict, "it has been modified", {}}, {errc::unavailable, "down", {}}};
  auto next = as_deployed_;
  next["gkm.agent.image"] = "a:2";
  configure(next);
  run(30);
  EXPECT_EQ(agent().containers[0].image, "a:2");
  port_.log.clear();
  run(3'600);
  EXPECT_THAT(port_.log, IsEmpty());
}

TEST_F(rollouts, that_fail_are_not_tried_more_often_for_every_change) {
  lead(true);
  configure(as_deployed_);
  port_.failures.assign(5'000, {errc::unavailable, "down", {}});
  for (int i = 0; i < 50; ++i) {
    auto next = as_deployed_;
    next["gkm.agent.image"] = "a:" + std::to_string(i + 2);
    configure(next);
    run(60);
  }
  run(600);
  port_.log.clear();
  run(3'600);
  auto tries = std::count(port_.log.begin(), port_.log.end(), "write gkm-agent");
  EXPECT_GT(tries, 0);
  EXPECT_LE(tries, 3'600 / 150) << "once in 150 to 300 s";
}

TEST_F(rollouts, wait_for_another_setting_where_trying_again_cannot_help) {
  lead(true);
  configure(as_deployed_);
  port_.failures = {{errc::invalid_argument, "denied by a policy", {}}};
  auto next = as_deployed_;
  next["gkm.agent.image"] = "a:2";
  configure(next);
  port_.log.clear();
  run(3'600);
  EXPECT_THAT(port_.log, IsEmpty());
  next["gkm.agent.image"] = "a:3";
  configure(next);
  EXPECT_EQ(agent().containers[0].image, "a:3");
}

TEST_F(rollouts, ask_once_for_daemon_sets_that_are_not_there) {
  port_.there.clear();
  lead(true);
  configure(as_deployed_);
  run(3'600);
  EXPECT_THAT(port_.log, ElementsAre("read gkm-agent", "read gkm-csi-node"));
}

TEST_F(rollouts, stop_with_the_lead) {
  lead(true);
  configure(as_deployed_);
  lead(false);
  port_.log.clear();
  auto next = as_deployed_;
  next["gkm.agent.image"] = "a:2";
  configure(next);
  EXPECT_THAT(port_.log, IsEmpty());
  lead(true);
  EXPECT_EQ(agent().containers[0].image, "a:2");
}

}  // namespace
}  // namespace gkm::op
