#include "actors/operator/report_memory.hpp"

#include <gtest/gtest.h>

#include <iomanip>
#include <sstream>

namespace gkm::op {
namespace {

std::string cache_name(size_t i) {
  std::ostringstream out;
  out << "cache-" << std::setw(5) << std::setfill('0') << i;
  return out.str();
}

node_holding holds(size_t which, hold_state state = hold_state::extracted,
                   const std::string& message = "") {
  digest_hold hold;
  hold.resolved.hex = std::string(54, 'a') + std::to_string(1'000'000'000 + which);
  hold.state = state;
  hold.message = message;
  return {{hold}};
}

report_summary report_of(const std::string& node, size_t caches) {
  report_summary report{"team", node, true, true, 0, {}, {}};
  for (size_t i = 0; i < caches; ++i) report.caches.emplace_back(cache_name(i), holds(i));
  return report;
}

class memory : public ::testing::Test {
protected:
  /// The caches that were told, those that are gone with a minus.
  std::vector<std::string> told(const report_summary& report) {
    std::vector<std::string> names;
    memory_.put(report, [&](const std::string& cache, const shared_holding& holding) {
      names.push_back((holding ? "" : "-") + cache);
    });
    return names;
  }
  report_memory memory_;
};

TEST_F(memory, tells_only_what_changed) {
  auto report = report_of("a", 200);
  EXPECT_EQ(told(report).size(), 200u);
  EXPECT_TRUE(told(report).empty());
  report.caches[7].second.digests[0].pods = 1;
  EXPECT_EQ(told(report), std::vector{cache_name(7)});
  report.caches.erase(report.caches.begin() + 3);
  report.caches.emplace_back("new", holds(900));
  EXPECT_EQ(told(report), (std::vector<std::string>{"-" + cache_name(3), "new"}));
  EXPECT_EQ(memory_.rows(), 200u);
  EXPECT_EQ(*memory_.find("team", "a", cache_name(7)), report.caches[6].second);
  EXPECT_EQ(memory_.find("team", "a", cache_name(3)), nullptr);
  EXPECT_EQ(memory_.find("team", "b", cache_name(7)), nullptr);
  EXPECT_EQ(memory_.find("other", "a", cache_name(7)), nullptr);
}

TEST_F(memory, of_a_report_that_is_gone_tells_everything_once) {
  told(report_of("a", 5));
  size_t gone = 0;
  auto count = [&](const std::string&, const shared_holding& holding) { gone += !holding; };
  EXPECT_TRUE(memory_.remove("team", "a", count));
  EXPECT_EQ(gone, 5u);
  EXPECT_FALSE(memory_.remove("team", "a", count));
  EXPECT_EQ(gone, 5u);
  EXPECT_EQ(memory_.rows(), 0u);
}

TEST_F(memory, has_what_is_alike_on_many_nodes_once) {
  for (size_t node = 0; node < 500; ++node) told(report_of("node-" + std::to_string(node), 20));
  EXPECT_EQ(memory_.rows(), 10'000u);
  EXPECT_EQ(memory_.different_holdings(), 20u);
  EXPECT_EQ(memory_.find("team", "node-3", cache_name(1)),
            memory_.find("team", "node-400", cache_name(1)));
}

TEST_F(memory, forgets_what_no_report_says_any_more) {
  for (size_t round = 0; round < 10'000; ++round) {
    report_summary report{"team", "a", true, true, 0, {{"x", holds(round)}}, {}};
    told(report);
  }
  EXPECT_LE(memory_.different_holdings(), 2'100u);
}

TEST_F(memory, keeps_the_words_of_so_many_and_the_states_of_all) {
  const size_t nodes = worded_holdings_max + 3'000;
  auto failing = [](size_t node) {
    return report_summary{
        "team", "node-" + std::to_string(node),
        true,   true,
        0,      {{"x", holds(1, hold_state::error, "disk " + std::to_string(node))}},
        {}};
  };
  for (size_t node = 0; node < nodes; ++node) ASSERT_EQ(told(failing(node)).size(), 1u);
  EXPECT_LE(memory_.different_holdings(), worded_holdings_max + 1);
  auto last = memory_.find("team", "node-" + std::to_string(nodes - 1), "x");
  ASSERT_TRUE(last);
  EXPECT_EQ(last->digests[0].state, hold_state::error);
  EXPECT_EQ(last->digests[0].message, "");
  EXPECT_TRUE(told(failing(nodes - 1)).empty()) << "the same again is no news";
  EXPECT_EQ(memory_.find("team", "node-0", "x")->digests[0].message, "disk 0");
}

}  // namespace
}  // namespace gkm::op
