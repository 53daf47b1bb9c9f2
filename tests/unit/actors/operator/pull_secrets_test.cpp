#include "actors/operator/pull_secrets.hpp"

#include "leading_actor.hpp"
#include "messages/pull_secret.hpp"

#include <gtest/gtest.h>

namespace gkm::cluster {
namespace {

struct fake_secrets : secrets_port {
  std::set<std::string> there;
  std::vector<std::string> log;
  bool down = false;

  void copy(const secret_ref& from, answer<done> reply) override {
    log.push_back("copy " + from.ns + "/" + from.name);
    if (down) return reply(fail(errc::unavailable, "down"));
    there.insert(pull_secret_copy(from.ns, from.name));
    reply(done{});
  }
  void drop(const std::string& copy, answer<done> reply) override {
    log.push_back("drop");
    there.erase(copy);
    reply(done{});
  }
  void list(answer<std::vector<std::string>> reply) override {
    reply(std::vector<std::string>(there.begin(), there.end()));
  }
};

class pull_secrets : public leading_actor<pull_secrets_actor> {
protected:
  pull_secrets() {
    actor_ = gkm::spawn<pull_secrets_state>(world_.system(), static_cast<secrets_port&>(port_),
                                            std::string("gkm-system"), uint64_t{1});
  }

  void want(const cache_ref& ref, const std::vector<std::string>& names) {
    tell(wanted_atom_v, ref, names);
  }

  fake_secrets port_;
  const cache_ref one_{"team", "one"};
  const cache_ref two_{"team", "two"};
};

TEST_F(pull_secrets, are_there_as_long_as_a_cache_names_them) {
  lead(true);
  want(one_, {"login"});
  want(two_, {"login"});
  EXPECT_EQ(port_.there, std::set{pull_secret_copy("team", "login")});
  caf::anon_send(actor_, withdraw_atom_v, one_);
  run();
  EXPECT_EQ(port_.there.size(), 1u);
  want(two_, {"other"});
  EXPECT_EQ(port_.there, std::set{pull_secret_copy("team", "other")});
}

TEST_F(pull_secrets, of_a_cluster_cache_are_gkms_own) {
  lead(true);
  want({"", "c"}, {"login"});
  EXPECT_EQ(port_.there, std::set{pull_secret_copy("gkm-system", "login")});
}

TEST_F(pull_secrets, are_left_to_the_leader_who_also_sweeps) {
  port_.there = {"gkm-pull-left-over"};
  want(one_, {"login"});
  EXPECT_TRUE(port_.log.empty());
  lead(true);
  EXPECT_EQ(port_.there, std::set{pull_secret_copy("team", "login")});
}

TEST_F(pull_secrets, are_read_again_when_a_node_cannot_log_in_but_not_all_day) {
  lead(true);
  want(one_, {"login"});
  port_.log.clear();
  for (int i = 0; i < 100; ++i) {
    caf::anon_send(actor_, retry_atom_v, one_);
    run();
  }
  EXPECT_GE(port_.log.size(), 1u);
  EXPECT_LE(port_.log.size(), 3u);
}

TEST_F(pull_secrets, are_tried_again_with_pauses) {
  lead(true);
  port_.down = true;
  want(one_, {"login"});
  run(600);
  EXPECT_LE(port_.log.size(), 15u);
  port_.down = false;
  run(600);
  EXPECT_EQ(port_.there.size(), 1u);
}

TEST_F(pull_secrets, that_fail_are_not_tried_more_often_for_every_change) {
  lead(true);
  port_.down = true;
  for (int i = 0; i < 50; ++i) {
    want(one_, {"login"});
    run(60);
  }
  run(600);
  port_.log.clear();
  run(3'600);
  EXPECT_LE(port_.log.size(), 3'600u / 150) << "once in 150 to 300 s";
}

TEST(pull_secret_copy, is_a_name_of_its_own) {
  EXPECT_EQ(pull_secret_copy("a", "b").size(), 49u);
  EXPECT_NE(pull_secret_copy("a", "b"), pull_secret_copy("a", "c"));
  EXPECT_NE(pull_secret_copy("a-b", "c"), pull_secret_copy("a", "b-c"));
}

}  // namespace
}  // namespace gkm::cluster
