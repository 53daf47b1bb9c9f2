// What must not happen, seen end to end: README.md lists where each item is tested.
#include "whole_fixture.hpp"

#include <thread>

namespace gkm::support {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto pinned = R"({.metadata.annotations.gkm\.io/resolvedDigest})";
constexpr auto version = "{.metadata.resourceVersion}";
/// Longer than any write that is due waits for its pace.
constexpr std::chrono::milliseconds a_while{1'500};

class whole_faults : public whole_test {
protected:
  /// Requests, watches apart, that come in a while in which nothing happens; but for those by which
  /// an agent says every few minutes that it is there.
  static std::vector<std::string> asked_in_a_while() {
    auto moment = cluster().requests().now();
    std::this_thread::sleep_for(a_while);
    std::vector<std::string> all;
    for (const auto& r : cluster().requests().since(moment, [](const api_request& q) {
           return q.verb != "watch" && q.program.starts_with("gkm-") &&
                  q.what() != "patch clustergkmcachenodes/status";
         }))
      all.push_back(r.program + ' ' + r.what() + ' ' + r.ns + '/' + r.name);
    return all;
  }
  void delete_and_wait(const cache_ref& cache) {
    ask_to_delete(cache);
    EXPECT_TRUE(is_gone(cache));
  }
};

TEST_F(whole_faults, ten_caches_of_one_apply_are_all_extracted) {
  constexpr int images = 5;
  std::vector<std::string> names;
  for (int i = 0; i < images; ++i)
    names.push_back(push("v" + std::to_string(i), image(1'000 + static_cast<size_t>(i))));
  std::string all;
  std::vector<cache_ref> caches;
  for (int i = 0; i < 2 * images; ++i) {
    caches.push_back(ref("c" + std::to_string(i)));
    all += yaml(caches.back(), names[static_cast<size_t>(i % images)]);
  }
  auto began = cluster().requests().now();
  admin().apply(all);
  for (const auto& c : caches) {
    EXPECT_TRUE(becomes(c, reason, "Extracted"));
    EXPECT_TRUE(becomes(c, "{.status.counts.nodeNotInUseCnt}", "2"));
  }
  auto operator_writes = cluster().requests().count(began, written_by("gkm-operator"));
  EXPECT_LE(operator_writes, 4 * caches.size());
  for (auto* node : {&one(), &two()}) {
    auto by = written_by("gkm-agent");
    EXPECT_LE(cluster().requests().count(
                  began, [&](const api_request& r) { return by(r) && r.node == node->name(); }),
              3 * caches.size());
    EXPECT_EQ(node->stored().size(), size_t{images});
  }
  EXPECT_THAT(asked_in_a_while(), IsEmpty()) << "all is said";
  admin().run({"delete", "gkmcaches", "--all", "-n", ns_, "--wait=false"});
  for (const auto& c : caches) EXPECT_TRUE(is_gone(c));
  expect_nothing_left();
}

TEST_F(whole_faults, an_agent_killed_while_it_extracts_goes_on) {
  constexpr size_t big = 24 << 20;
  auto what = image(big);
  auto cache = ref("big");
  auto name = push("big", what);
  admin().apply(yaml(cache, name));
  ASSERT_TRUE(eventually("it is being extracted", [&] {
    std::error_code absent;
    return !std::filesystem::is_empty(one().where().staging(), absent) && !absent;
  }));
  one().agent().kill();
  one().agent().start();
  EXPECT_TRUE(becomes(cache, reason, "Extracted"));
  EXPECT_EQ(one().stored(), two().stored());
  EXPECT_TRUE(std::filesystem::is_empty(one().where().staging()));
  delete_and_wait(cache);
  expect_nothing_left();
}

TEST_F(whole_faults, a_node_whose_programs_are_killed_forgets_no_pod) {
  auto cache = ref("survives");
  auto p = pod("pod", cache);
  admin().apply(yaml(cache, push("v1", image(1'500))));
  ASSERT_TRUE(one().kubelet().run(p)) << "a pod that comes before its cache waits for it";
  ASSERT_TRUE(becomes(cache, "{.status.counts.podRunningCnt}", "1"));
  one().kill_csi();
  one().agent().kill();
  admin().apply(yaml(cache, push("v2", image(2'500))));
  one().agent().start();
  one().start_csi();
  ASSERT_TRUE(becomes(cache, "{.status.counts.podOutdatedCnt}", "1"));
  ASSERT_TRUE(becomes(cache, reason, "Outdated"));
  EXPECT_EQ(one().mounts(), 1U);
  EXPECT_FALSE(tree_of(one().kubelet().mount_of(p)).empty());
  EXPECT_TRUE(one().kubelet().end(p));
  ASSERT_TRUE(becomes(cache, reason, "Extracted"));
  EXPECT_TRUE(eventually("the old image is freed", [] { return one().stored().size() == 1; }));
  delete_and_wait(cache);
  expect_nothing_left();
}

TEST_F(whole_faults, a_tag_that_moved_is_no_trouble) {
  auto before = image(3'000);
  auto cache = ref("moved");
  auto name = push("latest", before);
  admin().apply(yaml(cache, name));
  ASSERT_TRUE(becomes(cache, reason, "Extracted"));
  push("latest", image(4'000));
  auto moment = cluster().requests().now();
  EXPECT_TRUE(admin().ask(about(cache, {"label"}, {"team=ml"})).ok());
  EXPECT_TRUE(admin().ask(about(cache, {"annotate"}, {"example.com/note=hello"})).ok());
  admin().apply(yaml(cache, name, "team: ai"));
  admin().run(about(cache, {"patch"}, {"--type=merge", "-p", R"({"spec":{"nodeSelector":{}}})"}));
  EXPECT_EQ(field(cache, pinned), before.digest());
  EXPECT_EQ(field(cache, "{.metadata.labels.team}"), "ai");
  ASSERT_TRUE(
      becomes(cache, "{.status.observedGeneration}", field(cache, "{.metadata.generation}")));
  EXPECT_THAT(asked_in_a_while(), IsEmpty());
  EXPECT_LE(cluster().requests().count(moment, asked_by("gkm-operator")), 1U)
      << "at most the status of a new generation";
  EXPECT_EQ(field(cache, "{.status.resolvedDigest}"), before.digest());
  delete_and_wait(cache);
  expect_nothing_left();
}

TEST_F(whole_faults, nothing_that_is_there_needs_the_registry) {
  auto cache = ref("kept");
  admin().apply(yaml(cache, push("v1", image(5'000))));
  ASSERT_TRUE(becomes(cache, reason, "Extracted"));
  cluster().stop_registry();
  auto p = pod("pod", cache);
  ASSERT_TRUE(one().kubelet().run(p));
  ASSERT_TRUE(becomes(cache, reason, "Running"));
  admin().run(about(cache, {"label"}, {"team=ml"}));
  auto denied =
      admin().ask_with_file({"apply", "-f"}, yaml(ref("new"), cluster().registry() + "/a/b:c"));
  EXPECT_THAT(denied.err, HasSubstr("could not be resolved"));
  EXPECT_TRUE(one().kubelet().end(p));
  delete_and_wait(cache);
  expect_nothing_left();
  cluster().start_registry();
}

TEST_F(whole_faults, what_concerns_one_cache_is_said_of_it_alone) {
  auto name = push("v1", image(6'000));
  auto used = ref("used");
  auto idle = ref("idle");
  admin().apply(yaml(used, name) + yaml(idle, name));
  for (const auto& c : {used, idle}) {
    ASSERT_TRUE(becomes(c, reason, "Extracted"));
    ASSERT_TRUE(becomes(c, "{.status.counts.nodeNotInUseCnt}", "2"));
  }
  auto before = field(idle, version);
  auto p = pod("pod", used);
  ASSERT_TRUE(two().kubelet().run(p));
  ASSERT_TRUE(becomes(used, "{.status.counts.podRunningCnt}", "1"));
  EXPECT_EQ(field(idle, "{.status.counts.podRunningCnt}"), "0");
  EXPECT_EQ(field(idle, "{.status.counts.nodeInUseCnt}"), "0");
  EXPECT_EQ(field(idle, reason), "Extracted");
  EXPECT_TRUE(two().kubelet().end(p));
  ASSERT_TRUE(becomes(used, reason, "Extracted"));
  delete_and_wait(used);
  EXPECT_EQ(field(idle, version), before) << "nobody wrote it";
  EXPECT_EQ(two().stored().size(), 1U) << "the other cache has the digest, too";
  delete_and_wait(idle);
  expect_nothing_left();
}

TEST_F(whole_faults, a_namespace_goes_and_leaves_nothing) {
  auto cache = ref("doomed");
  admin().apply(yaml(cache, push("v1", image(7'000))));
  ASSERT_TRUE(becomes(cache, reason, "Extracted"));
  auto p = pod("pod", cache);
  ASSERT_TRUE(one().kubelet().run(p));
  ASSERT_TRUE(becomes(cache, "{.status.counts.podRunningCnt}", "1"));
  EXPECT_EQ(
      admin().run({"get", "gkmcachenodes", "-A", "-o", "jsonpath={.items[*].metadata.finalizers}"}),
      "");
  admin().run({"delete", "namespace", ns_, "--wait=false"});
  // What its controller would do: delete all there is in it, then let it go.
  for (const auto* kind : {"gkmcaches", "gkmcachenodes", "events", "serviceaccounts"})
    admin().run({"delete", kind, "--all", "-n", ns_, "--wait=false"});
  EXPECT_TRUE(is_gone(cache)) << "a pod of the same namespace holds nothing up";
  EXPECT_TRUE(one().kubelet().end(p));
  admin().run({"delete", "gkmcachenodes", "--all", "-n", ns_, "--wait=false"});
  expect_nothing_left();
  auto finalize =
      admin().ask_with_file({"replace", "--raw", "/api/v1/namespaces/" + ns_ + "/finalize", "-f"},
                            R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + ns_ +
                                R"("},"spec":{"finalizers":[]}})");
  EXPECT_TRUE(finalize.ok()) << finalize.err;
  EXPECT_EQ(admin().run({"get", "namespace", ns_, "--ignore-not-found"}), "");
  EXPECT_THAT(asked_in_a_while(), IsEmpty()) << "nobody tries to write there";
}

}  // namespace
}  // namespace gkm::support
