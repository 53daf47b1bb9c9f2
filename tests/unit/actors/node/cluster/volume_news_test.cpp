#include "actors/node/cluster/volume_news.hpp"

#include "actors/node/cluster/pull_logins.hpp"
#include "oci/credentials.hpp"
#include "tests/support/sim_ports.hpp"
#include "tests/support/sim_world.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

class volume_news_test : public testing::Test {
protected:
  volume_record record(const std::string& id, int64_t age_s) {
    volume_record r;
    r.volume_id = id;
    r.phase = volume_phase::mounted;
    r.ref = {"team", "x"};
    r.pod_name = id;
    r.created_unix_s = clock_.unix_seconds() - age_s;
    r.notes = {{"NotRelocated", "it may miss"}};
    return r;
  }

  sim::world world_{1};
  sim::fake_clock clock_{world_};
  std::vector<std::string> told_;
  volume_news news_{node_reporter_actor(), clock_,
                    [this](const volume_record& r, const volume_note& n) {
                      told_.push_back(r.pod_name + ":" + n.reason);
                    }};
};

}  // namespace

TEST_F(volume_news_test, tells_each_note_once) {
  news_.heard({});
  auto r = record("p", 0);
  news_.heard({{"key", r}});
  news_.heard({{"key", r}});
  r.notes.push_back({"StartsCold", "there is no cache"});
  news_.heard({{"key", r}});
  EXPECT_EQ(told_, (std::vector<std::string>{"p:NotRelocated", "p:StartsCold"}));
  EXPECT_EQ(news_.mounted(), 1u);
}

TEST_F(volume_news_test, does_not_tell_again_what_an_earlier_life_has_told) {
  news_.heard({{"old", record("old", 86'400)}, {"young", record("young", 5)}});
  EXPECT_EQ(told_, std::vector<std::string>{"young:NotRelocated"});
}

TEST_F(volume_news_test, tells_nothing_of_an_intent) {
  auto r = record("p", 0);
  r.phase = volume_phase::intent;
  news_.heard({{"key", r}});
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(news_.mounted(), 0u);
}

TEST(pull_logins, never_run_programs_that_a_secret_names) {
  // {"auths":{"quay.io":{"username":"u","password":"p"}},"credsStore":"evil"}
  auto logins = logins_in(
      "eyJhdXRocyI6eyJxdWF5LmlvIjp7InVzZXJuYW1lIjoidSIsInBhc3N3b3JkIjoicCJ9fSwiY3JlZHNTdG9yZSI6"
      "ImV2aWwifQ==");
  ASSERT_TRUE(logins) << logins.error().message;
  auto known = logins->find({"quay.io", "a/b", "latest", {}});
  ASSERT_TRUE(known && *known);
  EXPECT_EQ((*known)->username, "u");
  auto other = logins->find({"ghcr.io", "a/b", "latest", {}});
  ASSERT_TRUE(other) << "a helper was asked: " << other.error().message;
  EXPECT_FALSE(*other);
}

TEST(pull_logins, read_both_kinds_of_secret) {
  // {"quay.io":{"username":"u","password":"p"}}
  auto old = logins_in("eyJxdWF5LmlvIjp7InVzZXJuYW1lIjoidSIsInBhc3N3b3JkIjoicCJ9fQ==");
  ASSERT_TRUE(old);
  EXPECT_TRUE(*old->find({"quay.io", "a/b", "latest", {}}));
  EXPECT_EQ(logins_in("?").error().code, errc::invalid_argument);
}

}  // namespace gkm::node
