#include "messages/errors.hpp"

#include <gtest/gtest.h>

#include <set>

namespace gkm {
namespace {

constexpr auto first = static_cast<uint8_t>(errc::none);
constexpr auto last = static_cast<uint8_t>(errc::internal);

}  // namespace

TEST(errc, every_kind_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (auto i = first; i <= last; ++i) {
    auto name = to_string(static_cast<errc>(i));
    EXPECT_NE(name, "unknown") << int{i};
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(to_string(static_cast<errc>(last + 1)), "unknown");
}

TEST(errc, only_causes_that_time_does_not_heal_are_permanent) {
  const std::set<errc> permanent{errc::invalid_argument, errc::malformed, errc::refused,
                                 errc::limit_exceeded, errc::incompatible};
  for (auto i = first; i <= last; ++i) {
    auto code = static_cast<errc>(i);
    EXPECT_EQ(is_permanent(code), permanent.contains(code)) << to_string(code);
  }
  EXPECT_FALSE(is_permanent(static_cast<errc>(last + 1)));
}

TEST(error, wrapping_keeps_the_kind_and_puts_the_step_first) {
  const error cause{errc::unavailable, "no answer within 30 seconds", std::chrono::seconds(7)};
  for (const std::string& step : std::vector<std::string>{"Failed to pull 'x'", ""}) {
    result<int> outer = wrap(cause, step);
    ASSERT_FALSE(outer);
    EXPECT_EQ(outer.error(), (error{cause.code, step + ": " + cause.message, cause.retry_after}));
  }
}

}  // namespace gkm
