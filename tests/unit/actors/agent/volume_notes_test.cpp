#include "actors/agent/volume_notes.hpp"

#include "tests/support/sim/sim_ports.hpp"
#include "tests/support/sim/sim_world.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

class volume_notes_test : public testing::Test {
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
  volume_notes notes_{clock_, [this](const volume_record& r, const volume_note& n) {
                        told_.push_back(r.pod_name + ":" + n.reason);
                      }};
};

}  // namespace

TEST_F(volume_notes_test, tells_each_note_once) {
  notes_.update({});
  auto r = record("p", 0);
  notes_.update({{"key", r}});
  notes_.update({{"key", r}});
  r.notes.push_back({"StartsCold", "there is no cache"});
  notes_.update({{"key", r}});
  EXPECT_EQ(told_, (std::vector<std::string>{"p:NotRelocated", "p:StartsCold"}));
  EXPECT_EQ(notes_.mounted(), 1u);
}

TEST_F(volume_notes_test, does_not_tell_again_what_an_earlier_life_has_told) {
  notes_.update({{"old", record("old", 86'400)}, {"young", record("young", 5)}});
  EXPECT_EQ(told_, std::vector<std::string>{"young:NotRelocated"});
}

TEST_F(volume_notes_test, tells_nothing_of_an_intent) {
  auto r = record("p", 0);
  r.phase = volume_phase::intent;
  notes_.update({{"key", r}});
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(notes_.mounted(), 0u);
}

}  // namespace gkm::node
