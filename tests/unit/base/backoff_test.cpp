#include "base/backoff.hpp"

#include <gtest/gtest.h>

namespace gkm::base {
namespace {

using std::chrono::milliseconds;

int64_t pause_ms(uint32_t failures, uint64_t random, std::chrono::seconds asked = {}) {
  return pause_after({errc::unavailable, "", asked}, failures, random).value().count();
}

}  // namespace

TEST(backoff, doubles_up_to_the_cap) {
  const std::vector<std::pair<uint32_t, int64_t>> whole{
      {0, 1'000},   {1, 1'000},    {2, 2'000},       {3, 4'000},           {8, 128'000},
      {9, 256'000}, {10, 300'000}, {1'000, 300'000}, {UINT32_MAX, 300'000}};
  for (auto [failures, ms] : whole) {
    EXPECT_EQ(pause_ms(failures, 0), ms / 2) << failures;
    EXPECT_EQ(pause_ms(failures, static_cast<uint64_t>(ms) / 2), ms) << failures;
  }
}

TEST(backoff, chance_stays_in_the_upper_half) {
  for (uint64_t random = 1; random < UINT64_MAX / 3; random *= 3) {
    EXPECT_GE(pause_ms(4, random), 4'000);
    EXPECT_LE(pause_ms(4, random), 8'000);
  }
  EXPECT_LE(pause_ms(4, UINT64_MAX), 8'000);
}

TEST(backoff, what_cannot_help_is_tried_again_only_if_that_was_asked_for) {
  EXPECT_FALSE(pause_after({errc::limit_exceeded, "", {}}, 1, 0));
  EXPECT_FALSE(pause_after({errc::limit_exceeded, "", std::chrono::seconds(-1)}, 1, 0));
  EXPECT_EQ(pause_after({errc::limit_exceeded, "", std::chrono::seconds(60)}, 1, 0),
            milliseconds(60'000));
}

TEST(backoff, what_the_other_side_asks_for_is_a_lower_bound_of_an_hour_at_most) {
  EXPECT_EQ(pause_ms(1, 0, std::chrono::seconds(60)), 60'000);
  EXPECT_EQ(pause_ms(10, 0, std::chrono::seconds(60)), 150'000);
  EXPECT_EQ(pause_ms(1, 0, std::chrono::seconds::max()), 3'600'000);
  EXPECT_EQ(pause_ms(1, 0, std::chrono::seconds(-60)), 500);
}

TEST(backoff, there_is_no_second_try_where_it_cannot_help) {
  for (auto i = 0; i <= static_cast<int>(errc::internal); ++i) {
    auto code = static_cast<errc>(i);
    EXPECT_EQ(pause_after({code, "", {}}, 1, 0).has_value(), !is_permanent(code));
  }
}

}  // namespace gkm::base
