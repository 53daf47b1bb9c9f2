#include "actors/operator/aggregate.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace gkm::op {
namespace {

const digest now{std::string(64, 'a')};
const digest before{std::string(64, 'b')};

digest_hold hold(const digest& d, hold_state state, uint32_t pods = 0) {
  digest_hold h;
  h.resolved = d;
  h.state = state;
  h.pods = pods;
  return h;
}

shared_text named(const std::string& name) { return std::make_shared<const std::string>(name); }

/// A node that shall have it, and holds that.
node_row wanted(const std::string& name, std::vector<digest_hold> holds = {}) {
  shared_holding held;
  if (!holds.empty()) held = std::make_shared<const node_holding>(node_holding{std::move(holds)});
  return {named(name), {true, true, true}, held};
}

TEST(aggregate, counts_what_is_there_and_nothing_twice) {
  aggregate a;
  a.set_current(now);
  for (const auto* name : {"a", "b", "c"}) a.set(wanted(name));
  EXPECT_EQ(a.counts(), (cache_counts{3, 0, 0, 0, 0, 0}));
  a.set(wanted("a", {hold(before, hold_state::extracted, 1), hold(now, hold_state::extracted, 2)}));
  a.set(wanted("b", {hold(now, hold_state::extracted)}));
  a.set(wanted("c", {hold(now, hold_state::error)}));
  EXPECT_EQ(a.counts(), (cache_counts{3, 1, 1, 1, 2, 1}));
  EXPECT_EQ(a.ready(), 2u);
  EXPECT_EQ(list_some(a.failed()), "c");
  EXPECT_EQ(list_some(a.mounted()), "a");
  // The same again changes nothing; nothing again leaves nothing.
  a.set(wanted("b", {hold(now, hold_state::extracted)}));
  EXPECT_EQ(a.counts(), (cache_counts{3, 1, 1, 1, 2, 1}));
  for (const auto* name : {"a", "b", "c"}) a.set(wanted(name));
  EXPECT_EQ(a.counts(), (cache_counts{3, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(a.holding().empty());
}

TEST(aggregate, another_digest_makes_pods_outdated) {
  aggregate a;
  a.set_current(before);
  a.set(wanted("a", {hold(before, hold_state::extracted, 3)}));
  EXPECT_EQ(a.counts().pods_running, 3u);
  a.set_current(now);
  EXPECT_EQ(a.counts().pods_running, 0u);
  EXPECT_EQ(a.counts().pods_outdated, 3u);
  EXPECT_EQ(list_some(a.waiting()), "a");
}

TEST(aggregate, a_node_that_is_away_counts_for_nothing) {
  aggregate a;
  a.set_current(now);
  a.set(wanted("a", {hold(now, hold_state::extracted, 3)}));
  auto away = wanted("a", {hold(now, hold_state::extracted, 3)});
  away.standing = {false, false, true};
  a.set(away);
  EXPECT_EQ(a.counts(), cache_counts{});
  EXPECT_TRUE(a.holding().empty());
  a.set(wanted("a", {hold(now, hold_state::extracted, 3)}));
  EXPECT_EQ(a.counts().pods_running, 3u);
}

TEST(aggregate, a_node_that_only_says_why_it_cannot_use_it_holds_nothing) {
  aggregate a;
  a.set_current(now);
  auto unfit = hold(now, hold_state::error);
  unfit.fits = false;
  a.set(wanted("a", {unfit}));
  EXPECT_EQ(list_some(a.unfit()), "a");
  EXPECT_TRUE(a.holding().empty()) << "its agent may be gone for good, and the words stay";
  a.set(wanted("a", {unfit, hold(before, hold_state::extracted)}));
  EXPECT_EQ(list_some(a.holding()), "a");
  unfit.pods = 1;
  a.set(wanted("a", {unfit}));
  EXPECT_EQ(list_some(a.holding()), "a");
}

TEST(aggregate, one_report_costs_the_same_among_ten_nodes_and_a_thousand) {
  for (size_t nodes : {10u, 1'000u}) {
    aggregate a;
    a.set_current(now);
    for (size_t i = 0; i < nodes; ++i) a.set(wanted("node-" + std::to_string(i)));
    auto looks = a.looks();
    a.set(wanted("node-5", {hold(now, hold_state::extracted)}));
    EXPECT_EQ(a.looks() - looks, 2u) << nodes;
  }
}

TEST(aggregate, has_a_row_only_for_nodes_that_count_or_say_something) {
  aggregate a;
  a.set({named("idle"), {true, false, true}, nullptr});
  a.set({named("gone"), {}, nullptr});
  EXPECT_EQ(a.rows(), 0u);
  a.set(wanted("a", {hold(now, hold_state::extracted)}));
  auto only_holds = wanted("b", {hold(before, hold_state::extracted)});
  only_holds.standing.wanted = false;
  a.set(only_holds);
  a.set(wanted("c"));
  EXPECT_EQ(a.rows(), 3u);
  for (const auto* name : {"a", "b", "c"}) a.set({named(name), {true, false, true}, nullptr});
  EXPECT_EQ(a.rows(), 0u);
  EXPECT_EQ(a.counts(), cache_counts{});
}

TEST(list_some, names_a_few) {
  auto list = [](const std::vector<std::string>& names) {
    listed_nodes nodes;
    for (const auto& name : names) nodes.insert(named(name));
    return list_some(nodes);
  };
  EXPECT_EQ(list({}), "");
  EXPECT_EQ(list({"c", "a", "b"}), "a, b, c");
  EXPECT_EQ(list({"d", "a", "c", "b", "e"}), "a, b, c and 2 more");
}

TEST(aggregate, names_the_first_nodes_whatever_comes_and_goes) {
  std::mt19937 chance(1);
  aggregate a;
  std::set<std::string> waiting;
  for (int i = 0; i < 20'000; ++i) {
    // Many come, then most go.
    auto name = "node-" + std::to_string(chance() % 500);
    bool comes = i < 8'000 ? chance() % 3 != 0 : chance() % 8 == 0;
    auto row = wanted(name);
    row.standing.wanted = comes;
    a.set(row);
    if (comes)
      waiting.insert(name);
    else
      waiting.erase(name);
    ASSERT_EQ(a.waiting().size(), waiting.size());
    auto shown = std::min<size_t>(waiting.size(), 3);
    ASSERT_GE(a.waiting().first().size(), shown);
    auto expected = waiting.begin();
    for (size_t n = 0; n < shown; ++n) ASSERT_EQ(*a.waiting().first()[n], *expected++);
  }
}

}  // namespace
}  // namespace gkm::op
