#include "actors/operator/aggregate.hpp"

#include <gtest/gtest.h>

namespace gkm::cluster {
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

node_standing wanted(const std::string& name) { return {name, true, true, true}; }

TEST(aggregate, counts_what_is_there_and_nothing_twice) {
  aggregate a;
  a.set_current(now);
  for (const auto* name : {"a", "b", "c"}) a.set_standing(wanted(name));
  EXPECT_EQ(a.counts(), (cache_counts{3, 0, 0, 0, 0, 0}));
  a.set_holding("a",
                {{hold(before, hold_state::extracted, 1), hold(now, hold_state::extracted, 2)}});
  a.set_holding("b", {{hold(now, hold_state::extracted)}});
  a.set_holding("c", {{hold(now, hold_state::error)}});
  EXPECT_EQ(a.counts(), (cache_counts{3, 1, 1, 1, 2, 1}));
  EXPECT_EQ(a.ready(), 2u);
  EXPECT_EQ(list_some(a.failed()), "c");
  EXPECT_EQ(list_some(a.mounted()), "a");
  // The same again changes nothing; nothing again leaves nothing.
  a.set_holding("b", {{hold(now, hold_state::extracted)}});
  EXPECT_EQ(a.counts(), (cache_counts{3, 1, 1, 1, 2, 1}));
  for (const auto* name : {"a", "b", "c"}) a.set_holding(name, {});
  EXPECT_EQ(a.counts(), (cache_counts{3, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(a.holding().empty());
}

TEST(aggregate, another_digest_makes_pods_outdated) {
  aggregate a;
  a.set_current(before);
  a.set_standing(wanted("a"));
  a.set_holding("a", {{hold(before, hold_state::extracted, 3)}});
  EXPECT_EQ(a.counts().pods_running, 3u);
  a.set_current(now);
  EXPECT_EQ(a.counts().pods_running, 0u);
  EXPECT_EQ(a.counts().pods_outdated, 3u);
  EXPECT_EQ(list_some(a.waiting()), "a");
}

TEST(aggregate, a_node_that_is_away_counts_for_nothing) {
  aggregate a;
  a.set_current(now);
  a.set_standing(wanted("a"));
  a.set_holding("a", {{hold(now, hold_state::extracted, 3)}});
  a.set_standing({"a", false, false, true});
  EXPECT_EQ(a.counts(), cache_counts{});
  EXPECT_TRUE(a.holding().empty());
  a.set_standing(wanted("a"));
  EXPECT_EQ(a.counts().pods_running, 3u);
}

TEST(aggregate, a_node_that_only_says_why_it_cannot_use_it_holds_nothing) {
  aggregate a;
  a.set_current(now);
  a.set_standing(wanted("a"));
  auto unfit = hold(now, hold_state::error);
  unfit.fits = false;
  a.set_holding("a", {{unfit}});
  EXPECT_EQ(list_some(a.unfit()), "a");
  EXPECT_TRUE(a.holding().empty()) << "its agent may be gone for good, and the words stay";
  a.set_holding("a", {{unfit, hold(before, hold_state::extracted)}});
  EXPECT_EQ(list_some(a.holding()), "a");
  unfit.pods = 1;
  a.set_holding("a", {{unfit}});
  EXPECT_EQ(list_some(a.holding()), "a");
}

TEST(aggregate, one_report_costs_the_same_among_ten_nodes_and_a_thousand) {
  for (size_t nodes : {10u, 1'000u}) {
    aggregate a;
    a.set_current(now);
    for (size_t i = 0; i < nodes; ++i) a.set_standing(wanted("node-" + std::to_string(i)));
    auto looks = a.looks();
    a.set_holding("node-5", {{hold(now, hold_state::extracted)}});
    EXPECT_EQ(a.looks() - looks, 2u) << nodes;
  }
}

TEST(list_some, names_a_few) {
  EXPECT_EQ(list_some({}), "");
  EXPECT_EQ(list_some({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(list_some({"a", "b", "c", "d", "e"}), "a, b, c and 2 more");
}

}  // namespace
}  // namespace gkm::cluster
