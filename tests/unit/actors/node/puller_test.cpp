#include "puller_fixture.hpp"

namespace gkm::node {

TEST_F(puller_test, one_transfer_serves_everybody_who_asks) {
  std::vector<std::shared_ptr<outcome>> all;
  for (int i = 0; i < 5; ++i) all.push_back(pull('a', i));
  ASSERT_EQ(images_.transfers.size(), 1u);
  answer(0, facts('a'));
  for (const auto& got : all) {
    ASSERT_TRUE(*got);
    EXPECT_EQ(**got, facts('a'));
  }
  EXPECT_TRUE(node_.store.contains(digest_of('a')));
  EXPECT_TRUE(node_.staging.empty());
}

TEST_F(puller_test, a_failure_reaches_everybody_and_leaves_nothing_behind) {
  auto one = pull('a', 1), two = pull('a', 2);
  answer(0, fail(errc::corrupt, "wrong digest"));
  EXPECT_EQ(code_of(*one), errc::corrupt);
  EXPECT_EQ(code_of(*two), errc::corrupt);
  EXPECT_TRUE(node_.staging.empty());
}

TEST_F(puller_test, who_leaves_is_told_and_the_last_stops_the_transfer) {
  auto one = pull('a', 1), two = pull('a', 2);
  abandon('a', 1);
  EXPECT_EQ(code_of(*one), errc::cancelled);
  EXPECT_FALSE(images_.transfers[0].stop.stop_requested());
  abandon('a', 7);
  EXPECT_FALSE(images_.transfers[0].stop.stop_requested());
  abandon('a', 2);
  EXPECT_EQ(code_of(*two), errc::cancelled);
  EXPECT_TRUE(images_.transfers[0].stop.stop_requested());
  EXPECT_EQ(node_.staging.size(), 1u) << "the transfer may still write there";
  answer(0, fail(errc::cancelled, "stopped"));
  EXPECT_TRUE(node_.staging.empty());
}

TEST_F(puller_test, an_abandoned_one_in_the_queue_never_starts) {
  for (int i = 0; i < 4; ++i) pull(static_cast<char>('a' + i), i);
  abandon('d', 3);
  answer(0, facts('a'));
  EXPECT_EQ(transferred(), "abc");
}

TEST_F(puller_test, asking_again_after_leaving_starts_afresh) {
  pull('a', 1);
  abandon('a', 1);
  auto again = pull('a', 1);
  ASSERT_EQ(images_.transfers.size(), 2u);
  answer(0, facts('a'));
  EXPECT_FALSE(*again) << "the old transfer's answer is nobody's";
  answer(1, facts('a'));
  ASSERT_TRUE(*again);
  EXPECT_TRUE(**again);
  EXPECT_TRUE(node_.staging.empty());
}

TEST_F(puller_test, who_asks_twice_is_answered_twice) {
  auto first = pull('a', 1), second = pull('a', 1);
  EXPECT_EQ(code_of(*first), errc::cancelled);
  answer(0, facts('a'));
  ASSERT_TRUE(*second);
  EXPECT_TRUE(**second);
}

TEST_F(puller_test, a_silent_transfer_is_given_up) {
  auto got = pull('a', 1);
  pass(2 * std::chrono::milliseconds(silence_max).count());
  EXPECT_EQ(code_of(*got), errc::unavailable);
  EXPECT_TRUE(images_.transfers[0].stop.stop_requested());
}

TEST_F(puller_test, a_slow_transfer_is_not) {
  auto got = pull('a', 1);
  for (uint64_t i = 1; i <= 10; ++i) {
    pass(std::chrono::milliseconds(silence_max).count() - 1'000);
    images_.transfers[0].progress(i, 10);
  }
  pass(100);
  EXPECT_FALSE(*got);
  EXPECT_EQ(progress_.size(), 10u);
  answer(0, facts('a'));
  EXPECT_TRUE(*got && **got);
}

TEST_F(puller_test, without_space_nothing_is_transferred) {
  EXPECT_EQ(code_of(*pull('a', 1, UINT64_MAX)), errc::no_space);
  EXPECT_TRUE(images_.transfers.empty());
}

}  // namespace gkm::node
