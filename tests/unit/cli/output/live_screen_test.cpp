#include "cli/output/live_screen.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace gkm::cli {

TEST(fit, cuts_lines_at_the_edge) {
  EXPECT_EQ(fit("abcdef\nab\n", {24, 4}), "abcd\nab\n");
  EXPECT_EQ(fit("\xc3\xa4\xe2\x82\xac"
                "cd\n",
                {24, 3}),
            "\xc3\xa4\xe2\x82\xac"
            "c\n");
}

TEST(fit, lets_colours_take_no_room_and_end_with_their_line) {
  EXPECT_EQ(fit("\033[31mabcdef\033[0m\n", {24, 3}), "\033[31mabc\033[0m\n");
  EXPECT_EQ(fit("ab\033[31mcd\033[0m\n", {24, 2}), "ab\033[31m\033[0m\n");
}

TEST(fit, says_how_many_lines_do_not) {
  EXPECT_EQ(fit("1\n2\n3\n", {4, 40}), "1\n2\n3\n");
  EXPECT_EQ(fit("1\n2\n3\n4\n", {4, 40}), "1\n2\n... and 2 more lines\n");
  EXPECT_EQ(fit("1\n2\n", {1, 40}), "... and 2 more lines\n");
  EXPECT_EQ(fit("", {24, 80}), "");
}

TEST(live_screen, draws_again_in_its_place) {
  std::ostringstream out;
  live_screen screen(out);
  screen.show("1\n2\n", {24, 80});
  EXPECT_EQ(out.str(), "1\033[K\n2\033[K\n\033[J");
  out.str("");
  screen.show("x\n", {24, 80});
  EXPECT_EQ(out.str(), "\033[2A\rx\033[K\n\033[J");
  out.str("");
  screen.show("y\n", {24, 80});
  EXPECT_EQ(out.str(), "\033[1A\ry\033[K\n\033[J");
}

}  // namespace gkm::cli
