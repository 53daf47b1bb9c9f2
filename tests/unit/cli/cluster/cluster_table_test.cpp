#include "cli/cluster/cluster_table.hpp"

#include "cli/cluster/cluster_details.hpp"
#include "cli/cluster/cluster_document.hpp"
#include "cli/cluster/cluster_follow.hpp"
#include "cli/options.hpp"
#include "cli/output/printing.hpp"
#include "cluster_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <sstream>

namespace gkm::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t now = 160;
const digest a = digest_of('a');
const std::string hostile =
    "\033[31mred\n\x9b"
    "2J\x7f\xc2\x9b"
    "5m";

std::string table_of(const cluster_snapshot& picture, bool wide = false) {
  table t(cluster_header(wide));
  for (const auto& row : rows_of(picture)) t.add(cluster_cells(row, picture, wide, now));
  std::ostringstream out;
  t.print(out, false);
  return out.str();
}

cluster_snapshot small_cluster() {
  cluster_snapshot picture;
  auto cache =
      ready(cache_of("team", "c"), condition_status::no, "Error", "failed on n2: no login");
  cache.status.counts.nodes = 2;
  picture.put(cache);
  picture.put(report_of("team", "n1", {{"c", {{a, entry_of("Running", {"p", "q", "r"})}}}}));
  picture.put(report_of("team", "n2", {{"c", {{a, entry_of("Error", {}, "no login")}}}}));
  auto gpus = report_of("", "n1", {});
  gpus.gpus = {{"MI250X", "6.1", {0, 1}}};
  picture.put(gpus);
  return picture;
}

/// Everything that a stranger may write, written.
cluster_snapshot hostile_cluster() {
  cluster_snapshot picture;
  auto cache = ready(cache_of("team", "c"), condition_status::no, hostile, hostile);
  cache.image = hostile;
  cache.node_selector = {{hostile, hostile}};
  cache.status.conditions.push_back(said(hostile, hostile, hostile));
  picture.put(cache);
  auto e = entry_of("Error", {hostile}, hostile);
  e.conditions.front().reason = hostile;
  e.incompatible_gpus = {{7, false, hostile}};
  e.pods.front().ns = hostile;
  picture.put(report_of("team", "n1", {{"c", {{a, e}}}}));
  auto gpus = report_of("", "n1", {});
  gpus.gpus = {{hostile, hostile, {0}}};
  picture.put(gpus);
  return picture;
}

void expect_harmless(const std::string& text) {
  for (char c : text)
    EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << testing::PrintToString(text);
}

std::string json_of(const cluster_snapshot& picture) {
  testing::internal::CaptureStdout();
  print_document(cluster_document(picture, {hostile}), output::json);
  return testing::internal::GetCapturedStdout();
}

}  // namespace

TEST(cluster_table, shows_caches_nodes_and_pods) {
  EXPECT_EQ(
      table_of(small_cluster()),
      "NAMESPACE   NAME   NODE           STATUS    DIGEST         GPUS   PODS           SIZE      "
      "AGE   DETAIL\n"
      "team        c      1 of 2 ready   Error     aaaaaaaaaaaa   4/4    3              2.0 KiB   "
      "60s   failed on n2: no login\n"
      "team        c      n1             Running   aaaaaaaaaaaa   2/2    p, q +1 more   2.0 KiB   "
      "60s   \n"
      "team        c      n2             Error     aaaaaaaaaaaa   2/2    -              2.0 KiB   "
      "60s   no login\n");
}

TEST(cluster_table, tells_more_when_it_is_wide) {
  auto wide = table_of(small_cluster(), true);
  EXPECT_THAT(wide, HasSubstr("p, q, r "));
  EXPECT_THAT(wide, HasSubstr("2 MI250X"));
  EXPECT_THAT(wide, HasSubstr("quay.io/gkm/c:v1"));
}

TEST(cluster_table, names_the_namespaces_of_pods_that_use_a_cluster_cache) {
  cluster_snapshot picture;
  picture.put(cache_of("", "shared"));
  picture.put(report_of("", "n1", {{"shared", {{a, entry_of("Running", {"p"})}}}}));
  EXPECT_THAT(table_of(picture), HasSubstr("(cluster)   shared   n1"));
  EXPECT_THAT(table_of(picture), HasSubstr("team/p"));
}

TEST(cluster_table, lets_nothing_through_that_a_terminal_acts_on) {
  for (bool wide : {false, true}) {
    auto text = table_of(hostile_cluster(), wide);
    expect_harmless(text);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  }
  auto picture = hostile_cluster();
  expect_harmless(cluster_details(picture, picture.caches().begin()->second, now));
  auto json = json_of(picture);
  EXPECT_THAT(json, Not(HasSubstr("\033")));
  EXPECT_THAT(json, Not(HasSubstr("\x7f")));
  EXPECT_THAT(json, Not(HasSubstr("\xc2\x9b")));
  rapidjson::Document back;
  EXPECT_FALSE(back.Parse(json).HasParseError());
}

TEST(cluster_details, say_everything_of_one_cache) {
  cluster_snapshot picture = small_cluster();
  auto e = entry_of("Extracted", {}, "");
  e.incompatible_gpus = {{2, false, "built for gfx942, this is gfx90a"},
                         {3, false, "built for gfx942, this is gfx90a"}};
  picture.put(
      report_of("team", "n3", {{"c", {{a, e}, {digest_of('b'), entry_of("Outdated", {"p"})}}}}));
  auto text = cluster_details(picture, picture.caches().begin()->second, now);
  for (const auto* part :
       {"GKMCache team/c\n", "Image       quay.io/gkm/c:v1\n", "Nodes       2 of 3 ready\n",
        "Pods        4, 1 with an earlier image\n",
        "  Ready       False for 60s, Error: failed on n2: no login\n",
        "Node n1: Running, 2 MI250X\n", "    Status      Error for 60s: no login\n",
        "    GPUs        0, 1 can use it\n",
        "                2, 3 cannot use it: built for gfx942, this is gfx90a\n",
        "    Pods        team/p\n                team/q\n", "b (an earlier image)\n"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(cluster_document, has_the_fields_that_programs_rely_on) {
  auto picture = small_cluster();
  auto doc = cluster_document(picture, {"a note"});
  const auto& cache = doc["caches"][0];
  EXPECT_STREQ(cache["kind"].GetString(), "GKMCache");
  EXPECT_STREQ(cache["namespace"].GetString(), "team");
  EXPECT_STREQ(cache["name"].GetString(), "c");
  EXPECT_STREQ(cache["image"].GetString(), "quay.io/gkm/c:v1");
  EXPECT_EQ(cache["resolvedDigest"].GetString(), a.str());
  EXPECT_FALSE(cache["ready"].GetBool());
  EXPECT_FALSE(cache["deleting"].GetBool());
  EXPECT_STREQ(cache["state"].GetString(), "Error");
  EXPECT_EQ(cache["nodesReady"].GetInt(), 1);
  EXPECT_EQ(cache["nodes"].GetInt(), 2);
  EXPECT_EQ(cache["podsRunning"].GetInt(), 3);
  EXPECT_EQ(cache["podsOutdated"].GetInt(), 0);
  EXPECT_STREQ(cache["conditions"][0]["since"].GetString(), "1970-01-01T00:01:40Z");
  const auto& node = cache["onNodes"][1];
  EXPECT_STREQ(node["node"].GetString(), "n2");
  EXPECT_FALSE(node["ready"].GetBool());
  const auto& held = node["digests"][0];
  EXPECT_TRUE(held["wanted"].GetBool());
  EXPECT_STREQ(held["message"].GetString(), "no login");
  EXPECT_EQ(held["compatibleGPUs"].Size(), 2);
  EXPECT_STREQ(cache["onNodes"][0]["digests"][0]["pods"][2]["name"].GetString(), "r");
  EXPECT_STREQ(doc["notes"][0].GetString(), "a note");
}

TEST(line_printer, prints_what_changed_in_columns_that_stay) {
  auto picture = small_cluster();
  picture.begin_changes();
  std::ostringstream out;
  line_printer lines(out, false);
  lines.begin(picture, now);
  lines.print();
  EXPECT_EQ(out.str(), table_of(picture));
  out.str("");
  // The age alone is no news.
  picture.put(report_of("team", "n1", {{"c", {{a, entry_of("Running", {"p", "q", "r"})}}}}));
  lines.changed(picture, picture.take_changes(), now + 100);
  lines.print();
  EXPECT_EQ(out.str(), "");
  picture.put(report_of("team", "n2", {{"c", {{a, entry_of("Extracted")}}}}));
  lines.changed(picture, picture.take_changes(), now);
  lines.print();
  EXPECT_EQ(out.str(),
            "team        c      2 of 2 ready   Error       aaaaaaaaaaaa   4/4    3              "
            "2.0 KiB   60s   failed on n2: no login\n"
            "team        c      n2             Extracted   aaaaaaaaaaaa   2/2    -              "
            "2.0 KiB   60s   \n");
  out.str("");
  picture.drop_report("team", "n2");
  lines.changed(picture, picture.take_changes(), now);
  lines.print();
  EXPECT_THAT(out.str(), HasSubstr("n2             Gone"));
}

TEST(line_printer, says_when_a_cache_is_gone) {
  auto picture = small_cluster();
  picture.begin_changes();
  std::ostringstream out;
  line_printer lines(out, true);
  lines.begin(picture, now);
  picture.drop({"team", "c"});
  lines.changed(picture, picture.take_changes(), now);
  lines.print();
  EXPECT_THAT(out.str(), HasSubstr("no node"));
  picture.put(cache_of("team", "c"));
  lines.changed(picture, picture.take_changes(), now);
  lines.print();
  EXPECT_THAT(out.str(), HasSubstr("gkm-operator"));
}

TEST(cluster_rows, of_ten_thousand_reports_are_soon_there) {
  constexpr int nodes = 10'000;
  cluster_snapshot picture;
  for (const auto* name : {"c", "d", "e"}) picture.put(cache_of("team", name));
  for (int i = 0; i < nodes; ++i)
    picture.put(report_of("team", "node-" + std::to_string(i),
                          {{"c", {{a, entry_of("Running", {"p"})}}},
                           {"d", {{a, entry_of("Extracted")}}},
                           {"e", {{a, entry_of("Error", {}, "no login")}}}}));
  auto rows = rows_of(picture);
  EXPECT_EQ(rows.size(), 3 * (nodes + 1));
  EXPECT_EQ(rows.front().pods_now, nodes);
  picture.begin_changes();
  picture.put(report_of("team", "node-7", {{"c", {{a, entry_of("Extracted")}}}}));
  EXPECT_EQ(picture.take_changes().size(), 6);
}

}  // namespace gkm::cli
