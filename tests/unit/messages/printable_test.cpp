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

TEST(valid_utf8, keeps_every_character) {
  const std::string all =
      "a\n\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
  EXPECT_EQ(valid_utf8(all), all);
  EXPECT_EQ(valid_utf8(""), "");
}

TEST(valid_utf8, replaces_what_is_no_character) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"a\xff", "a?"},
      {"\x80", "?"},
      {"\xc3", "?"},
      {"\xc3x", "?x"},
      {"\xe2\x82", "??"},
      {"\xc0\xaf", "??"},
      {"\xc1\xbf", "??"},
      {"\xe0\x9f\xbf", "???"},
      {"\xed\xa0\x80", "???"},
      {"\xf0\x8f\xbf\xbf", "????"},
      {"\xf4\x90\x80\x80", "????"},
      {"\xf5\x80\x80\x80", "????"},
      {"\xff\xc3\xa4", "?\xc3\xa4"},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(valid_utf8(text), expected);
}

}  // namespace gkm
