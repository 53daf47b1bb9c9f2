#include "cluster_fixture.hpp"

#include <gtest/gtest.h>

namespace gkm::cli {
namespace {

struct situation {
  std::string what;
  char wanted;
  node_entries entries;
  std::string state;
  bool good;
  char held;  ///< the digest that the line is about
  std::string pods;
};

std::string pods_text(const cluster_row& row) {
  std::string text;
  for (const auto& p : row.pods) text += p.name + (p.old ? "(old) " : " ");
  return text;
}

const digest a = digest_of('a');
const digest b = digest_of('b');

std::vector<situation> situations() {
  return {
      {"nothing", 'a', {}, "Unknown", false, 0, ""},
      {"extracted", 'a', {{a, entry_of("Extracted")}}, "Extracted", true, 'a', ""},
      {"in use", 'a', {{a, entry_of("Running", {"p", "q"})}}, "Running", true, 'a', "p q "},
      {"in use, not said", 'a', {{a, entry_of("Extracted", {"p"})}}, "Running", true, 'a', "p "},
      {"on its way", 'a', {{a, entry_of("Pending")}}, "Pending", false, 'a', ""},
      {"failed", 'a', {{a, entry_of("Error")}}, "Error", false, 'a', ""},
      {"no state that is known", 'a', {{a, entry_of("Dancing")}}, "Unknown", false, 'a', ""},
      {"old one in use",
       'a',
       {{a, entry_of("Extracted")}, {b, entry_of("Outdated", {"p"})}},
       "Outdated",
       true,
       'a',
       "p(old) "},
      {"both in use",
       'a',
       {{a, entry_of("Running", {"q"})}, {b, entry_of("Outdated", {"p"})}},
       "Outdated",
       true,
       'a',
       "p(old) q "},
      {"new one on its way",
       'b',
       {{a, entry_of("Outdated", {"p"})}, {b, entry_of("Pending")}},
       "Pending",
       false,
       'b',
       "p(old) "},
      {"new one failed",
       'b',
       {{a, entry_of("Running", {"p"})}, {b, entry_of("Error")}},
       "Error",
       false,
       'b',
       "p(old) "},
      {"not heard of the new one", 'b', {{a, entry_of("Extracted")}}, "Outdated", false, 'a', ""},
      {"stuck comes first",
       'a',
       {{a, entry_of("Extracted")}, {b, entry_of("UnloadError")}},
       "UnloadError",
       false,
       'b',
       ""},
      {"nobody judged it", 0, {{a, entry_of("Extracted")}}, "Extracted", false, 'a', ""},
      {"nobody judged it, the worst",
       0,
       {{a, entry_of("Error")}, {b, entry_of("Extracted")}},
       "Error",
       false,
       'a',
       ""},
  };
}

}  // namespace

TEST(node_row, says_where_a_cache_stands) {
  for (const auto& s : situations()) {
    auto row = node_row(cache_of("team", "c", s.wanted), "n1", s.entries);
    EXPECT_EQ(row.state, s.state) << s.what;
    EXPECT_EQ(row.good, s.good) << s.what;
    EXPECT_EQ(row.bad, s.state == "Error" || s.state == "UnloadError") << s.what;
    EXPECT_EQ(row.held, s.held == 0 ? digest{} : digest_of(s.held)) << s.what;
    EXPECT_EQ(pods_text(row), s.pods) << s.what;
    EXPECT_EQ(row.old.size(), s.entries.empty() ? 0 : s.entries.size() - 1) << s.what;
  }
}

TEST(node_row, names_the_cause) {
  auto cache = cache_of("team", "c");
  EXPECT_EQ(node_row(cache, "n", {{a, entry_of("Error", {}, "no login")}}).message, "no login");
  auto row = node_row(cache, "n",
                      {{a, entry_of("Extracted", {}, "a warning")},
                       {b, entry_of("Outdated", {"p"}, "another image is wanted by now")}});
  EXPECT_EQ(row.message, "1 pod uses an earlier image until it is restarted; a warning");
}

TEST(node_row, counts_gpus_where_somebody_can_tell) {
  auto e = entry_of("Extracted");
  e.incompatible_gpus = {{2, false, "built for gfx942, this is gfx90a"}};
  auto row = node_row(cache_of("team", "c"), "n", {{a, e}});
  EXPECT_EQ(row.gpus_fit, 2);
  EXPECT_EQ(row.gpus, 3);
  e.compatible_gpus.clear();
  EXPECT_EQ(node_row(cache_of("team", "c"), "n", {{a, e}}).gpus_fit, 0);
  e.incompatible_gpus.clear();
  EXPECT_EQ(node_row(cache_of("team", "c"), "n", {{a, e}}).gpus_fit, std::nullopt);
}

TEST(node_row, counts_a_pod_once_however_many_volumes_it_has) {
  auto e = entry_of("Running", {"p", "q"});
  e.pods.push_back({"team", "p", "csi-another"});
  EXPECT_EQ(node_row(cache_of("team", "c"), "n", {{a, e}}).pods_now, 2);
}

TEST(node_row, that_is_going_is_not_ready) {
  auto cache = cache_of("team", "c");
  cache.object.deleting = true;
  auto row = node_row(cache, "n", {{a, entry_of("Running", {"p"})}});
  EXPECT_EQ(row.state, "Running");
  EXPECT_FALSE(row.good);
}

TEST(whole_row, sums_up_its_nodes) {
  cluster_snapshot picture;
  auto cache =
      ready(cache_of("team", "c"), condition_status::no, "Pending", "2 of 4 nodes have it");
  cache.status.counts.nodes = 4;
  picture.put(cache);
  picture.put(report_of("team", "n1", {{"c", {{a, entry_of("Running", {"p"})}}}}));
  picture.put(report_of(
      "team", "n2",
      {{"c", {{a, entry_of("Extracted")}, {b, entry_of("Outdated", {"q"})}}}, {"other", {}}}));
  picture.put(report_of("team", "n3", {{"c", {{a, entry_of("Error")}}}}));
  picture.put(report_of("elsewhere", "n1", {{"c", {{a, entry_of("Extracted")}}}}));
  auto rows = rows_of(picture);
  ASSERT_EQ(rows.size(), 4);
  const auto& whole = rows[0];
  EXPECT_EQ(whole.state, "Pending");
  EXPECT_EQ(whole.message, "2 of 4 nodes have it");
  EXPECT_EQ(whole.nodes_ready, 2);
  EXPECT_EQ(whole.nodes, 4);
  EXPECT_EQ(whole.pods_now, 1);
  EXPECT_EQ(whole.pods_old, 1);
  EXPECT_EQ(whole.gpus_fit, 6);
  EXPECT_EQ(whole.since_unix_s, 100);
  EXPECT_EQ(rows[1].node, "n1");
  EXPECT_EQ(rows[3].state, "Error");
}

TEST(whole_row, is_there_before_any_node_reports) {
  cluster_snapshot picture;
  picture.put(ready(cache_of("team", "judged", 0), condition_status::no, "Error", "no such tag"));
  picture.put(cache_of("team", "new", 0));
  picture.put(cache_of("", "whole-cluster"));
  auto rows = rows_of(picture);
  ASSERT_EQ(rows.size(), 3);
  EXPECT_TRUE(rows[0].cache.is_cluster());
  EXPECT_EQ(rows[1].state, "Error");
  EXPECT_EQ(rows[1].message, "no such tag");
  EXPECT_TRUE(rows[1].bad);
  EXPECT_EQ(rows[2].state, "Pending");
  EXPECT_NE(rows[2].message.find("gkm-operator"), std::string::npos);
}

}  // namespace gkm::cli
