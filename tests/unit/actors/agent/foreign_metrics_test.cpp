#include "actors/agent/foreign_metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace gkm::node {
namespace {

std::string kept(const std::string& text) { return sound_metrics(text, "gkm_csi_"); }

TEST(foreign_metrics, what_is_sound_stays_as_it_is) {
  const std::string text =
      "# HELP gkm_csi_calls_total Calls of kubelet\n"
      "# TYPE gkm_csi_calls_total counter\n"
      "gkm_csi_calls_total{call=\"publish\",result=\"ok\"} 3\n"
      "gkm_csi_calls_total{call=\"a \\\"b\\\" \\\\ \\n\",result=\"no_space\"} 1e3\n"
      "# TYPE gkm_csi_call_duration_seconds histogram\n"
      "gkm_csi_call_duration_seconds_bucket{call=\"publish\",le=\"+Inf\"} 4\n"
      "gkm_csi_volumes 0\n"
      "gkm_csi_odd{} NaN\n";
  EXPECT_EQ(kept(text), text);
}

TEST(foreign_metrics, what_is_not_is_left_out_line_by_line) {
  for (const char* line : {
           "",
           "gkm_agent_volumes 3",
           "up 1",
           "gkm_csi_volumes",
           "gkm_csi_volumes three",
           "gkm_csi_volumes 3 1700000000",
           "gkm_csi_volumes  3",
           "gkm_csi_volumes{a=\"b\" 3",
           "gkm_csi_volumes{a=b} 3",
           "gkm_csi_volumes{a=\"b\\x\"} 3",
           "gkm_csi_volumes{=\"b\"} 3",
           "gkm_csi_volumes{1a=\"b\"} 3",
           "gkm_csi_volumes{a=\"b\",} 3",
           "gkm_csi_volumes{a=\"b} 3",
           "gkm_csi_volumes{a=\"\033[2J\"} 3",
           "gkm_csi_volumes{a=\"\xff\"} 3",
           "gkm_csi_volumes{a=\"b\"}3",
           "gkm_csi-volumes 3",
           "gkm_csi_volumes 0x10",
           "gkm_csi_volumes nan(1)",
           "gkm_csi_volumes 1e",
           "gkm_csi_volumes{a=\"b\",a=\"c\"} 3",
           "gkm_csi_volumes{__name__=\"up\"} 3",
           "# TYPE gkm_csi_volumes cake",
           "# HELP gkm_agent_volumes Others' words",
           "# gkm_csi_volumes is a comment",
       }) {
    EXPECT_EQ(kept(std::string(line) + "\ngkm_csi_x 1\n"), "gkm_csi_x 1\n") << line;
  }
  EXPECT_EQ(kept("gkm_csi_x{a=\"" + std::string(600, 'a') + "\"} 1\n"), "");
  EXPECT_EQ(kept("gkm_csi_x 1\ngkm_csi_y 2"), "gkm_csi_x 1\n") << "half a line";
}

TEST(foreign_metrics, nothing_is_said_twice) {
  EXPECT_EQ(kept("# TYPE gkm_csi_x gauge\ngkm_csi_x 1\ngkm_csi_x 2\n# TYPE gkm_csi_x counter\n"
                 "gkm_csi_x{a=\"b\"} 3\n"),
            "# TYPE gkm_csi_x gauge\ngkm_csi_x 1\ngkm_csi_x{a=\"b\"} 3\n");
}

TEST(foreign_metrics, there_is_an_end_to_it) {
  std::string text;
  for (size_t i = 0; i < 2 * max_foreign_lines; ++i)
    text += "gkm_csi_x{i=\"" + std::to_string(i) + "\"} 1\n";
  auto lines = kept(text);
  EXPECT_EQ(static_cast<size_t>(std::count(lines.begin(), lines.end(), '\n')), max_foreign_lines);
}

}  // namespace
}  // namespace gkm::node
