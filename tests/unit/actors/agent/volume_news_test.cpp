#include "actors/agent/volume_news.hpp"

#include "tests/support/sim/sim_ports.hpp"
#include "tests/support/sim/sim_world.hpp"

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

}  // namespace gkm::node
