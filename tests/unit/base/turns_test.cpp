#include "base/turns.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace gkm::base {
namespace {

/// Whose turns come, until nobody may go.
std::string order(turns<int>& t) {
  std::string out;
  while (auto turn = t.next()) out += turn->tenant + std::to_string(turn->item) + " ";
  return out;
}

TEST(turns, go_round_by_tenant_and_in_order_within_one) {
  turns<int> t({.places = 6, .places_of_one = 4});
  for (int i = 1; i <= 4; ++i) t.push("a", i);
  for (int i = 5; i <= 6; ++i) t.push("b", i);
  EXPECT_EQ(order(t), "a1 b5 a2 b6 a3 a4 ");
}

TEST(turns, one_tenant_leaves_a_place_for_a_newcomer) {
  turns<int> t({.places = 3, .places_of_one = 2});
  for (int i = 1; i <= 5; ++i) t.push("greedy", i);
  EXPECT_EQ(order(t), "greedy1 greedy2 ");
  EXPECT_FALSE(t.contended());  // its own rest does not count: it has its share
  t.push("b", 9);
  EXPECT_TRUE(t.contended());
  EXPECT_EQ(order(t), "b9 ");
}

TEST(turns, a_free_place_goes_to_whom_the_last_turn_is_longest_ago) {
  turns<int> t({.places = 1, .places_of_one = 1});
  for (int i = 1; i <= 3; ++i) t.push("a", i);
  t.push("b", 8);
  t.push("b", 9);
  std::string seen;
  while (auto turn = t.next()) {
    seen += turn->tenant + std::to_string(turn->item) + " ";
    t.done(turn->tenant);
  }
  EXPECT_EQ(seen, "a1 b8 a2 b9 a3 ");
}

TEST(turns, lines_are_bounded_for_one_and_for_all) {
  turns<int> t({.places = 1, .places_of_one = 1, .waiting = 3, .waiting_of_one = 2});
  EXPECT_EQ(t.push("a", 1), turn_entry::queued);
  EXPECT_EQ(t.push("a", 2), turn_entry::queued);
  EXPECT_EQ(t.push("a", 3), turn_entry::tenant_full);
  EXPECT_EQ(t.push("b", 4), turn_entry::queued);
  EXPECT_EQ(t.push("c", 5), turn_entry::full);
  EXPECT_EQ(t.waiting(), 3U);
}

TEST(turns, one_item_for_two_tenants_has_one_turn) {
  turns<int> t({.places = 4, .places_of_one = 4});
  t.push("a", 1);
  t.push("a", 7);
  t.push("b", 7);
  EXPECT_EQ(order(t), "a1 b7 ");
  EXPECT_EQ(t.waiting(), 0U);
}

TEST(turns, what_is_removed_has_no_turn_and_frees_its_line) {
  turns<int> t({.places = 1, .places_of_one = 1, .waiting = 2});
  t.push("a", 1);
  t.push("b", 1);
  EXPECT_TRUE(t.remove("a", 1));
  EXPECT_EQ(t.tenants(), 1U);
  EXPECT_TRUE(t.remove(1));
  EXPECT_FALSE(t.remove(1));
  EXPECT_EQ(t.tenants(), 0U);
  EXPECT_EQ(t.push("c", 2), turn_entry::queued);
  EXPECT_EQ(t.take_waiting(), std::vector<int>{2});
  EXPECT_EQ(t.tenants(), 0U);
}

TEST(turns, a_place_that_nobody_holds_is_not_given_back) {
  turns<int> t({.places = 1, .places_of_one = 1});
  t.done("a");
  t.push("a", 1);
  t.push("a", 2);
  EXPECT_EQ(order(t), "a1 ");
  t.done("b");
  EXPECT_EQ(t.taken(), 1U);
}

/// How long a tenant that posts one thing at a time waits for each, beside another that posts
/// without end. Work takes 1 to 20 units of time, that of the greedy tenant ten times as long.
std::vector<int> waits_of_one(bool with_greed, unsigned seed) {
  std::mt19937 chance(seed);
  turns<int> t({.places = 4, .places_of_one = 3, .waiting = 256, .waiting_of_one = 64});
  auto takes = [&] { return static_cast<int>(chance() % 20 + 1); };
  std::multimap<int, std::string> ends;
  std::vector<int> took;
  int now = 0, asked_at = 0, id = 0;
  bool asked = false;
  while (took.size() < 400) {
    if (with_greed)
      while (t.push("greedy", ++id) == turn_entry::queued) {
      }
    if (!std::exchange(asked, true)) {
      asked_at = now;
      t.push("modest", ++id);
    }
    while (auto turn = t.next())
      ends.emplace(now + takes() * (turn->tenant == "greedy" ? 10 : 1), turn->tenant);
    auto first = ends.begin();
    now = first->first;
    t.done(first->second);
    if (first->second == "modest") {
      took.push_back(now - asked_at);
      asked = false;
    }
    ends.erase(first);
  }
  std::sort(took.begin(), took.end());
  return took;
}

TEST(turns, a_greedy_tenant_costs_another_at_most_a_factor_of_two) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    auto alone = waits_of_one(false, seed);
    auto beside = waits_of_one(true, seed);
    EXPECT_LE(beside[beside.size() * 99 / 100], 2 * alone[alone.size() * 99 / 100]) << seed;
  }
}

TEST(turns, nobody_starves_beside_any_number_of_tenants) {
  turns<int> t({.places = 2, .places_of_one = 1});
  for (int i = 0; i < 100; ++i) t.push("t" + std::to_string(i), i);
  std::set<int> served;
  for (int id = 100; id < 300; ++id) {
    auto turn = t.next();
    ASSERT_TRUE(turn);
    served.insert(turn->item);
    t.done(turn->tenant);
    t.push("t0", id);  // always back at once
  }
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(served.contains(i)) << i;
}

}  // namespace
}  // namespace gkm::base
