#include "actors/agent/report_events.hpp"

#include "actors/agent/report_budget.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

/// A report in `ns` in which these pods of `pod_ns` have the cache mounted.
node_report used_by(const std::string& ns, const std::string& pod_ns, size_t pods) {
  node_report report;
  report.ns = ns;
  report_entry e;
  e.conditions = {{"Running", condition_status::yes, "Running", "", 0, 1}};
  for (size_t i = 0; i < pods; ++i) {
    auto pod = "secret-project-" + std::to_string(100 + i);
    e.pods.push_back({pod_ns, pod, "csi-" + pod});
  }
  report.caches["x"][digest{std::string(64, 'a')}] = e;
  return report;
}

/// "CacheUsed: ...", without the cache's name.
std::vector<std::string> told(const node_report& before, const node_report& now) {
  std::vector<std::string> all;
  for (const auto& event : events_between(before, now))
    if (event.reason.starts_with("Cache"))
      all.push_back(event.reason + ":" + event.note.substr(event.note.find(" is used")));
  return all;
}

using texts = std::vector<std::string>;

}  // namespace

TEST(report_events, name_pods_to_readers_of_their_own_namespace) {
  auto none = used_by("team", "team", 0), one = used_by("team", "team", 1);
  EXPECT_EQ(told(none, one), texts{"CacheUsed: is used by pod 'team/secret-project-100'"});
  EXPECT_EQ(told(one, none),
            texts{"CacheRelease: is used no more by pod 'team/secret-project-100'"});
}

TEST(report_events, of_a_cluster_wide_cache_count_pods_and_name_none) {
  auto none = used_by("", "team", 0), two = used_by("", "team", 2), one = used_by("", "team", 1);
  EXPECT_EQ(told(none, two), texts{"CacheUsed: is used by 2 pods on the node, 0 before"});
  EXPECT_EQ(told(two, one), texts{"CacheRelease: is used by 1 pod on the node, 2 before"});
  EXPECT_TRUE(told(two, two).empty());
  auto gone = two;
  gone.caches.clear();
  for (const auto& event : events_between(two, gone)) {
    EXPECT_EQ(event.note.find("secret-project"), std::string::npos) << event.note;
    EXPECT_EQ(event.note.find("team"), std::string::npos) << event.note;
  }
}

TEST(report_events, name_no_pod_of_another_namespace) {
  for (const auto& note : told(used_by("team", "other", 0), used_by("team", "other", 1)))
    EXPECT_EQ(note, "CacheUsed: is used by 1 pod on the node, 0 before");
}

TEST(report_events, of_more_pods_than_are_listed_count_them) {
  auto before = used_by("team", "team", listed_volumes_max + 5);
  auto now = used_by("team", "team", listed_volumes_max + 9);
  fit(before);
  fit(now);
  EXPECT_EQ(told(before, now), texts{"CacheUsed: is used by 41 pods on the node, 37 before"});
}

}  // namespace gkm::node
