#include "cli/cluster/kubectl_plugin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::cli {

TEST(complete_plugin, offers_what_may_come_next) {
  EXPECT_THAT(complete_plugin({""}), testing::StartsWith("status\t"));
  EXPECT_EQ(complete_plugin({"no"}), ":4\n");
  EXPECT_EQ(complete_plugin({}), complete_plugin({""}));
  EXPECT_EQ(complete_plugin({"status", "--name"}), "--namespace\n:4\n");
  EXPECT_EQ(complete_plugin({"status", ""}), ":4\n");
  EXPECT_EQ(complete_plugin({"status", "-o", ""}), "table\nwide\njson\nyaml\n:4\n");
  EXPECT_EQ(complete_plugin({"status", "-o", "j"}), "json\n:4\n");
}

}  // namespace gkm::cli
