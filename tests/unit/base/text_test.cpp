#include "base/text.hpp"

#include <gtest/gtest.h>

#include <array>

namespace gkm::base {

TEST(to_lower, changes_ascii_letters_only) {
  EXPECT_EQ(to_lower("AZaz@[`{09-"), "azaz@[`{09-");
  EXPECT_EQ(to_lower("\xc3\x84\xdf"), "\xc3\x84\xdf");
  EXPECT_EQ(to_lower(""), "");
}

TEST(to_hex, writes_two_digits_a_byte) {
  EXPECT_EQ(to_hex(std::array<unsigned char, 4>{0x00, 0x0f, 0xa0, 0xff}), "000fa0ff");
  EXPECT_EQ(to_hex({}), "");
}

}  // namespace gkm::base
