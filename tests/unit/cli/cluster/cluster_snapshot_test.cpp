#include "cluster_fixture.hpp"

#include <gtest/gtest.h>

namespace gkm::cli {
namespace {

const digest a = digest_of('a');

std::string changes(cluster_snapshot& picture) {
  std::string text;
  for (const auto& line : picture.take_changes())
    text += line.cache.name + (line.node.empty() ? "" : "@" + line.node) + " ";
  return text;
}

cluster_snapshot two_caches() {
  cluster_snapshot picture;
  picture.put(cache_of("team", "c"));
  picture.put(cache_of("team", "d"));
  picture.put(report_of(
      "team", "n1", {{"c", {{a, entry_of("Extracted")}}}, {"d", {{a, entry_of("Extracted")}}}}));
  picture.put(report_of("team", "n2", {{"c", {{a, entry_of("Extracted")}}}}));
  picture.begin_changes();
  return picture;
}

}  // namespace

TEST(cluster_snapshot, tells_which_lines_a_report_changed) {
  auto picture = two_caches();
  EXPECT_EQ(changes(picture), "");
  picture.put(
      report_of("team", "n1",
                {{"c", {{a, entry_of("Extracted")}}}, {"d", {{a, entry_of("Running", {"p"})}}}}));
  EXPECT_EQ(changes(picture), "d d@n1 ");
  picture.put(report_of("team", "n1", {{"c", {{a, entry_of("Extracted")}}}}));
  EXPECT_EQ(changes(picture), "d d@n1 ");
  EXPECT_TRUE(picture.on_nodes({"team", "d"}).empty());
  picture.drop_report("team", "n2");
  EXPECT_EQ(changes(picture), "c c@n2 ");
  EXPECT_EQ(picture.on_nodes({"team", "c"}).size(), 1);
}

TEST(cluster_snapshot, tells_which_lines_a_cache_changed) {
  auto picture = two_caches();
  auto cache = cache_of("team", "c");
  cache.status.counts.nodes = 2;
  picture.put(cache);
  EXPECT_EQ(changes(picture), "c ");
  cache.status.resolved = digest_of('b');
  picture.put(cache);
  EXPECT_EQ(changes(picture), "c c@n1 c@n2 ");
  picture.drop({"team", "c"});
  EXPECT_EQ(changes(picture), "c c@n1 c@n2 ");
  EXPECT_EQ(picture.caches().size(), 1);
}

TEST(cluster_snapshot, keeps_what_is_asked_for_only) {
  cluster_snapshot picture("d");
  picture.put(report_of(
      "team", "n1", {{"c", {{a, entry_of("Extracted")}}}, {"d", {{a, entry_of("Extracted")}}}}));
  EXPECT_TRUE(picture.on_nodes({"team", "c"}).empty());
  EXPECT_EQ(picture.on_nodes({"team", "d"}).size(), 1);
}

TEST(cluster_snapshot, knows_gpus_from_the_report_without_a_namespace) {
  cluster_snapshot picture;
  auto report = report_of("", "n1", {});
  report.gpus = {{"MI250X", "6.1", {0, 1}}};
  picture.put(report);
  picture.put(report_of("team", "n1", {}));
  EXPECT_EQ(picture.gpus_of("n1"), report.gpus);
  picture.drop_report("team", "n1");
  EXPECT_EQ(picture.gpus_of("n1"), report.gpus);
  picture.drop_report("", "n1");
  EXPECT_TRUE(picture.gpus_of("n1").empty());
}

}  // namespace gkm::cli
