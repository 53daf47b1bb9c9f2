// The custom resources: do they take what users write, say what they mean, and refuse the rest?
#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <gmock/gmock.h>

#include <regex>
#include <sstream>

namespace gkm::support {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const auto golden_folder = source_tree() / "tests/cluster/golden";

class custom_resources : public deployed_test {
protected:
  void SetUp() override {
    deployed_test::SetUp();
    if (IsSkipped()) return;
    make_namespace(server(), "crd-test");
  }

  static std::string cache(const std::string& name, const std::string& spec) {
    return "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: " + name +
           ", namespace: crd-test}, spec: " + spec + "}";
  }

  static std::string why_refused(const std::string& yaml) {
    auto answer = admin().ask_with_file({"apply", "-f"}, yaml);
    EXPECT_FALSE(answer.ok()) << yaml;
    return answer.err;
  }

  static kubectl gkm_operator() {
    return server().as("gkm-operator", account_token(server(), "gkm-system", "gkm-operator"));
  }
};

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string without_line_end_spaces(const std::string& text) {
  return std::regex_replace(text, std::regex(" +\n"), "\n");
}

/// GKM_UPDATE_GOLDEN=1 writes what is there instead.
void expect_golden(const std::string& name, const std::string& whole) {
  auto text = without_line_end_spaces(whole);
  if (std::getenv("GKM_UPDATE_GOLDEN")) write_whole(golden_folder / name, text);
  EXPECT_EQ(text, read_whole(golden_folder / name)) << name;
}

TEST_F(custom_resources, explain_themselves) {
  expect_golden("explain-gkmcache.txt", admin().run({"explain", "gkmcache"}));
  expect_golden("explain-gkmcache-spec.txt", admin().run({"explain", "gkmcache.spec"}));
  expect_golden("explain-gkmcachenode-status.txt", admin().run({"explain", "gkmcachenode.status"}));
}

TEST_F(custom_resources, are_found_by_short_names_and_category) {
  admin().apply(cache("short", "{image: a/b:c}"));
  EXPECT_THAT(admin().run({"get", "gkc", "-n", "crd-test", "-o", "name"}),
              HasSubstr("gkmcache.gkm.io/short"));
  EXPECT_THAT(admin().run({"get", "gkm", "-n", "crd-test", "-o", "name"}),
              HasSubstr("gkmcache.gkm.io/short"));
  for (const auto* name : {"cgkc", "gkcn", "cgkcn"}) admin().run({"get", name, "-A"});
}

TEST_F(custom_resources, show_the_reason_of_ready_and_the_counts) {
  admin().apply(cache("shown", "{image: 'quay.io/a/b:c'}"));
  gkm_operator().run({"patch", "gkmcache", "shown", "-n", "crd-test", "--subresource=status",
                      "--type=merge", "-p",
                      R"({"status": {"conditions": [
            {"type": "Verified", "status": "True", "reason": "Off", "message": "",
             "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "Ready", "status": "False", "reason": "Extracted", "message": "2 of 3",
             "lastTransitionTime": "2026-01-01T00:00:00Z"}],
          "counts": {"nodeCnt": 3, "nodeInUseCnt": 1, "nodeNotInUseCnt": 1, "nodeErrorCnt": 1,
                     "podRunningCnt": 4, "podOutdatedCnt": 2}}})"});
  auto shown = words(admin().run({"get", "gkmcache", "shown", "-n", "crd-test"}));
  ASSERT_EQ(shown.size(), 16u);
  EXPECT_THAT(std::vector(shown.begin(), shown.begin() + 8),
              ElementsAre("NAME", "STATUS", "NODES", "NODE-IN-USE", "NODE-ERROR", "POD-RUNNING",
                          "POD-OUTDATED", "AGE"));
  EXPECT_THAT(std::vector(shown.begin() + 8, shown.begin() + 15),
              ElementsAre("shown", "Extracted", "3", "1", "1", "4", "2"));
  EXPECT_THAT(admin().run({"get", "gkmcache", "shown", "-n", "crd-test", "-o", "wide"}),
              HasSubstr("quay.io/a/b:c"));
}

TEST_F(custom_resources, refuse_what_is_no_image) {
  EXPECT_THAT(why_refused(cache("bad", "{}")), HasSubstr("spec.image: Required value"));
  EXPECT_THAT(why_refused(cache("bad", "{image: ''}")), HasSubstr("spec.image"));
  EXPECT_THAT(why_refused(cache("bad", "{image: 'a b'}")), HasSubstr("without spaces"));
  EXPECT_THAT(why_refused(cache("bad", "{image: " + std::string(526, 'a') + "}")),
              HasSubstr("spec.image: Too long"));
  EXPECT_THAT(why_refused(cache("bad", "{image: a/b:c, imagePullSecrets: [{name: x}, {name: x}]}")),
              HasSubstr("Duplicate value"));
}

TEST_F(custom_resources, let_the_image_change) {
  admin().apply(cache("changing", "{image: a/b:one}"));
  admin().apply(cache("changing", "{image: a/b:two}"));
  EXPECT_EQ(admin().field({"gkmcache/changing", "-n", "crd-test"}, "{.spec.image}"), "a/b:two");
}

TEST_F(custom_resources, hold_a_report_to_the_node_that_it_is_named_for) {
  make_node(server(), "crd-node");
  auto agent = server().as("crd-agent", pod_token(server(), {"crd-node", "gkm-agent"}));
  ASSERT_TRUE(agent
                  .ask_with_file({"apply", "--server-side", "-f"},
                                 "{apiVersion: gkm.io/v1alpha1, kind: GKMCacheNode, metadata: "
                                 "{name: crd-node, namespace: crd-test}}")
                  .ok());
  auto patch = [&](const std::string& status) {
    return agent.ask({"patch", "gkmcachenode", "crd-node", "-n", "crd-test", "--subresource=status",
                      "--type=merge", "-p", status});
  };
  EXPECT_THAT(patch(R"({"status": {"nodeName": "other"}})").err,
              HasSubstr("the object's own name"));
  auto whole = patch(read_whole(golden_folder / "report-status.json"));
  EXPECT_TRUE(whole.ok()) << whole.err;
  EXPECT_EQ(admin().field({"gkmcachenode/crd-node", "-n", "crd-test"},
                          "{.status.caches.a.*.incompatibilityReasons[0].reason}"),
            "built for gfx942, this is gfx90a");
}

}  // namespace
}  // namespace gkm::support
