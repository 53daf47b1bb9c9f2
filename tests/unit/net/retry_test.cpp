#include "net/retry.hpp"

#include <gtest/gtest.h>

namespace gkm::net {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(retry, statuses_that_may_pass) {
  for (int status : {408, 425, 429, 500, 502, 503, 504, 507, 599})
    EXPECT_TRUE(is_retryable_status(status)) << status;
  for (int status : {0, 200, 301, 400, 401, 403, 404, 416, 501, 505, 600})
    EXPECT_FALSE(is_retryable_status(status)) << status;
}

TEST(retry, doubles_and_spreads_over_the_upper_half) {
  struct row {
    uint32_t attempt;
    int64_t least_ms, most_ms;
  };
  retry_policy policy{20, milliseconds{200}, milliseconds{10'000}};
  for (auto [attempt, least, most] :
       {row{0, 100, 200}, row{1, 100, 200}, row{2, 200, 400}, row{3, 400, 800}, row{6, 3200, 6400},
        row{7, 5000, 10'000}, row{19, 5000, 10'000}}) {
    // Neighbouring random numbers walk through the whole spread, its ends included.
    auto spread = static_cast<uint64_t>(most - least) + 1;
    EXPECT_EQ(next_delay(policy, attempt, {}, 0), milliseconds{least}) << attempt;
    EXPECT_EQ(next_delay(policy, attempt, {}, spread - 1), milliseconds{most}) << attempt;
    EXPECT_EQ(next_delay(policy, attempt, {}, spread), milliseconds{least}) << attempt;
    auto any = next_delay(policy, attempt, {}, UINT64_MAX);
    ASSERT_TRUE(any);
    EXPECT_GE(*any, milliseconds{least});
    EXPECT_LE(*any, milliseconds{most});
  }
}

TEST(retry, ends_after_the_last_attempt) {
  retry_policy policy;
  EXPECT_TRUE(next_delay(policy, 3, {}, 1));
  EXPECT_FALSE(next_delay(policy, 4, {}, 1));
  EXPECT_FALSE(next_delay(policy, UINT32_MAX, {}, 1));
  EXPECT_FALSE(next_delay({1, milliseconds{1}, milliseconds{1}}, 1, {}, 1));
  EXPECT_FALSE(next_delay({0, milliseconds{1}, milliseconds{1}}, 0, {}, 1));
}

TEST(retry, retry_after_wins_if_longer_and_ends_it_if_too_long) {
  retry_policy policy;
  EXPECT_EQ(next_delay(policy, 1, seconds{7}, 5), milliseconds{7000});
  EXPECT_EQ(next_delay(policy, 1, seconds{10}, 5), milliseconds{10'000});
  EXPECT_EQ(next_delay(policy, 1, seconds{0}, 0), milliseconds{100});
  EXPECT_FALSE(next_delay(policy, 1, seconds{11}, 5));
  EXPECT_FALSE(next_delay(policy, 1, seconds::max(), 5));
}

TEST(retry, extreme_policies_do_not_overflow) {
  retry_policy huge{UINT32_MAX, milliseconds{1}, milliseconds::max()};
  auto delay = next_delay(huge, UINT32_MAX - 1, {}, UINT64_MAX);
  ASSERT_TRUE(delay);
  EXPECT_GT(*delay, milliseconds{0});
  EXPECT_EQ(next_delay({9, milliseconds{0}, milliseconds{0}}, 5, {}, 77), milliseconds{0});
  EXPECT_EQ(next_delay({9, milliseconds{-5}, milliseconds{-5}}, 5, {}, 77), milliseconds{0});
  EXPECT_EQ(next_delay({9, milliseconds{500}, milliseconds{100}}, 1, {}, 50), milliseconds{100});
}

}  // namespace gkm::net
