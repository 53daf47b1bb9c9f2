#include "messages/printable.hpp"

#include <gtest/gtest.h>

namespace gkm {

TEST(printable, leaves_plain_text_alone) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable(" az~AZ09'\"\\"), " az~AZ09'\"\\");
}

TEST(printable, replaces_every_other_byte) {
  EXPECT_EQ(printable("a\033[31mb\n\t\x7f"), "a?[31mb???");
  EXPECT_EQ(printable("\xc3\xa4\xff"), "???");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
}

TEST(printable, says_that_something_was_cut) {
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("abcde", 4), "abcd...");
  EXPECT_EQ(printable("abc", 0), "...");
}

}  // namespace gkm
