#include "cli/output/suggestion.hpp"

#include <gtest/gtest.h>

#include <array>

namespace gkm::cli {

TEST(suggestion, is_what_is_a_few_edits_away) {
  constexpr std::array<std::string_view, 5> words{"status", "mount", "unmount", "pull", "gpus"};
  EXPECT_EQ(closest("stauts", words), "status");
  EXPECT_EQ(closest("statsu", words), "status");
  EXPECT_EQ(closest("unmout", words), "unmount");
  EXPECT_EQ(closest("pul", words), "pull");
  EXPECT_EQ(closest("gpu", words), "gpus");
  EXPECT_EQ(closest("list", words), "");
  EXPECT_EQ(closest("", words), "");
  EXPECT_EQ(closest(std::string(1'000, 's'), words), "");
  EXPECT_EQ(suggestion("stauts", words), "; did you mean 'status'?");
  EXPECT_EQ(suggestion("xyz", words), "");
}

}  // namespace gkm::cli
