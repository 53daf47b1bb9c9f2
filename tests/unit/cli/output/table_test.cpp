#include "cli/output/table.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace gkm::cli {
namespace {

std::string printed(const table& t, bool colours = false) {
  std::ostringstream out;
  t.print(out, colours);
  return out.str();
}

}  // namespace

TEST(table, columns_line_up) {
  table t({"NAME", "X", "DETAIL"});
  t.add({"a", "1", "short"});
  t.add({"long-name", "", "a text as long as it is"});
  EXPECT_EQ(printed(t),
            "NAME        X   DETAIL\n"
            "a           1   short\n"
            "long-name       a text as long as it is\n");
}

TEST(table, characters_count_not_bytes) {
  table t({"N", "X"});
  t.add({"\xc3\xa4\xe2\x82\xac", "1"});
  t.add({"abc", "2"});
  EXPECT_EQ(printed(t), "N     X\n\xc3\xa4\xe2\x82\xac    1\nabc   2\n");
}

TEST(table, colours_take_no_room) {
  table t({"N", "X"});
  t.add({cell("ok", tint::good), "1"});
  t.add({cell("bad", tint::bad), "2"});
  EXPECT_EQ(printed(t, true), "N     X\n\033[32mok\033[0m    1\n\033[31mbad\033[0m   2\n");
  EXPECT_EQ(printed(t), "N     X\nok    1\nbad   2\n");
}

TEST(table, goes_on_in_columns_that_only_grow) {
  table t({"NAME", "X"});
  std::ostringstream out;
  t.add({"a", "1"});
  t.print_more(out, false);
  t.print_more(out, false);
  t.add({"longer", "2"});
  t.print_more(out, false);
  t.add({"b", "3"});
  t.print_more(out, false);
  EXPECT_EQ(out.str(), "NAME   X\na      1\nlonger   2\nb        3\n");
}

TEST(table, fits_the_terminal) {
  table t({"NAME", "STATE", "DETAIL"});
  t.add({"a-name-that-is-long-enough-to-be-cut",
         {"Error", tint::bad},
         "what went wrong, told in more words than a line has room for"});
  t.add({"b", "Extracted", "-"});
  for (size_t columns : {30U, 40U, 60U, 80U}) {
    std::ostringstream out;
    t.print(out, false, columns);
    std::istringstream lines(out.str());
    for (std::string line; std::getline(lines, line);) EXPECT_LE(width_of(line), columns) << line;
    EXPECT_NE(out.str().find("for\n"), std::string::npos) << out.str();
  }
  std::ostringstream free, wide;
  t.print(free, false);
  t.print(wide, false, 200);
  EXPECT_EQ(free.str(), wide.str());
}

TEST(wrap_to, breaks_at_blanks_where_there_are_some) {
  using lines = std::vector<std::string>;
  EXPECT_EQ(wrap_to("one two three", 7), (lines{"one two", "three"}));
  EXPECT_EQ(wrap_to("abcdefgh", 3), (lines{"abc", "def", "gh"}));
  EXPECT_EQ(wrap_to("", 3), lines{});
  EXPECT_EQ(cut_to("äöü", 2), "ä…");
}

TEST(human_bytes, takes_the_largest_unit_that_fits) {
  const std::vector<std::pair<uint64_t, std::string>> table{
      {0, "0 B"},
      {1'023, "1023 B"},
      {1'024, "1.0 KiB"},
      {1'536, "1.5 KiB"},
      {(1 << 20) - 1, "1.0 MiB"},
      {1 << 20, "1.0 MiB"},
      {(1ULL << 30) - 1, "1.0 GiB"},
      {5ULL << 30, "5.0 GiB"},
      {1ULL << 40, "1.0 TiB"},
      {UINT64_MAX, "16777216.0 TiB"},
  };
  for (const auto& [bytes, text] : table) EXPECT_EQ(human_bytes(bytes), text) << bytes;
}

TEST(human_seconds, is_rough) {
  const std::vector<std::pair<int64_t, std::string>> table{
      {-5, "0s"},    {0, "0s"},        {119, "119s"},   {120, "2m"},       {7'199, "119m"},
      {7'200, "2h"}, {172'799, "47h"}, {172'800, "2d"}, {INT64_MIN, "0s"}, {400 * 86'400, "400d"}};
  for (const auto& [seconds, text] : table) EXPECT_EQ(human_seconds(seconds), text) << seconds;
}

}  // namespace gkm::cli
