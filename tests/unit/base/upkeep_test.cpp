#include "base/upkeep.hpp"

#include <gtest/gtest.h>

namespace gkm::base {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using next = upkeep::next;

const error lost{errc::unavailable, "lost", {}};
const error conflict{errc::conflict, "another version", {}};
const error refused{errc::refused, "no", {}};

upkeep::time at(int64_t ms) { return upkeep::time(milliseconds(1'000'000 + ms)); }

upkeep begun(upkeep_rules rules = {}) {
  upkeep u(rules);
  u.begin();
  return u;
}

}  // namespace

TEST(upkeep, has_one_attempt_at_a_time) {
  upkeep u;
  EXPECT_TRUE(u.may_begin(at(0)));
  u.begin();
  EXPECT_FALSE(u.may_begin(at(0)));
  u.succeeded();
  EXPECT_TRUE(u.may_begin(at(0)));
}

TEST(upkeep, remembers_what_is_wanted_during_an_attempt) {
  upkeep u;
  u.want();
  u.begin();
  EXPECT_FALSE(u.is_due());
  u.want();
  u.succeeded();
  EXPECT_TRUE(u.is_due());
}

TEST(upkeep, pauses_for_ever_longer_and_is_due_afterwards) {
  upkeep u;
  int64_t now = 0;
  for (auto expected : {500, 1'000, 2'000, 4'000}) {  // the lower half of 1 s, 2 s, …
    u.begin();
    auto v = u.failed(lost, at(now), 0);
    EXPECT_EQ(v.what, next::wait);
    EXPECT_EQ(v.pause, milliseconds(expected));
    EXPECT_EQ(v.is_first, expected == 500);
    EXPECT_TRUE(u.is_due());
    EXPECT_FALSE(u.may_begin(at(now + expected - 1)));
    now += expected;
    EXPECT_TRUE(u.may_begin(at(now)));
  }
  u.begin();
  u.succeeded();
  u.begin();
  EXPECT_EQ(u.failed(lost, at(now), 0).pause, milliseconds(500)) << "a success is a new start";
}

TEST(upkeep, waits_at_least_as_long_as_it_was_asked_to) {
  auto u = begun();
  EXPECT_EQ(u.failed({errc::unavailable, "", seconds(7)}, at(0), 0).pause, seconds(7));
}

/// A timer of an earlier pause fires while a later one lasts.
TEST(upkeep, counts_only_the_last_pause) {
  auto u = begun();
  auto first = u.failed(lost, at(0), 0).pause;
  u.end_pause();
  u.begin();
  auto second = u.failed(lost, at(100), 0).pause;
  EXPECT_LT(first, second + milliseconds(100));
  EXPECT_FALSE(u.may_begin(at(first.count())));
  EXPECT_TRUE(u.may_begin(at(100 + second.count())));
}

TEST(upkeep, starts_anew_when_something_changes_that_may_help) {
  auto u = begun();
  u.failed(lost, at(0), 0);
  u.renew();
  EXPECT_TRUE(u.may_begin(at(1)));
  u.begin();
  EXPECT_TRUE(u.failed(lost, at(1), 0).is_first);
}

TEST(upkeep, keeps_its_failures_when_only_the_pause_is_cut_short) {
  auto u = begun();
  u.failed(lost, at(0), 0);
  u.end_pause();
  u.begin();
  EXPECT_FALSE(u.failed(lost, at(1), 0).is_first);
}

TEST(upkeep, reads_again_after_conflicts_until_there_are_too_many_in_a_row) {
  auto u = begun({.reads_in_a_row = 2});
  EXPECT_EQ(u.failed(conflict, at(0), 0).what, next::read);
  EXPECT_TRUE(u.is_busy()) << "with reading";
  u.gave_up();  // what was read is not what it should be
  u.begin();
  EXPECT_EQ(u.failed(conflict, at(0), 0).what, next::read);
  u.gave_up();
  u.begin();
  EXPECT_EQ(u.failed(conflict, at(0), 0).what, next::wait);
  EXPECT_FALSE(u.is_busy());
}

TEST(upkeep, pauses_after_any_conflict_unless_reading_helps) {
  auto u = begun();
  EXPECT_EQ(u.failed(conflict, at(0), 0).what, next::wait);
}

TEST(upkeep, gives_up_on_what_is_permanent_only_if_told_to) {
  auto for_ever = begun();
  EXPECT_EQ(for_ever.failed(refused, at(0), 0).what, next::wait);
  auto until_a_change = begun({.for_ever = false});
  EXPECT_EQ(until_a_change.failed(refused, at(0), 0).what, next::give_up);
  EXPECT_FALSE(until_a_change.is_due());
  EXPECT_TRUE(until_a_change.may_begin(at(0))) << "a change is tried at once";
}

TEST(upkeep, rests_after_a_success_if_asked_to) {
  auto u = begun();
  u.succeeded();
  u.rest(at(0), seconds(1));
  EXPECT_FALSE(u.may_begin(at(999)));
  EXPECT_TRUE(u.may_begin(at(1'000)));
  EXPECT_FALSE(u.has_failed());
}

TEST(upkeep_death, an_attempt_that_nobody_began_does_not_end) {
  upkeep u;
  EXPECT_DEATH(u.succeeded(), "assertion failed: busy_");
}

}  // namespace gkm::base
