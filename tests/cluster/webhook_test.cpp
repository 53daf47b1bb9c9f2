// When does the API server call the operator? Nobody answers here, so what needs us fails, and what
// must work without us does not.
#include "tests/support/child_process.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/kube/kube_identities.hpp"
#include "tests/support/reserved_port.hpp"

#include <gmock/gmock.h>

namespace gkm::support {
namespace {

using ::testing::HasSubstr;

class webhook_conditions : public deployed_test {
protected:
  void SetUp() override {
    deployed_test::SetUp();
    if (IsSkipped()) return;
    make_namespace(server(), "webhook-test");
    admin().apply(cache("old", "a/b:one"));
    apply_webhooks(server(), {"https://127.0.0.1:" + std::to_string(nobody_.number()), ""});
    eventually("the webhooks are in force", [] {
      return !admin()
                  .ask_with_file({"apply", "--dry-run=server", "-f"}, cache("new", "a/b:c"))
                  .ok();
    });
  }
  void TearDown() override {
    if (!IsSkipped()) remove_webhooks(server());
  }

  static std::string cache(const std::string& name, const std::string& image) {
    return "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: " + name +
           ", namespace: webhook-test}, spec: {image: '" + image + "'}}";
  }
  static std::string pod(const std::string& volume) {
    return "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: webhook-test}, spec: "
           "{containers: [{name: c, image: i}], volumes: [" +
           volume + "]}}";
  }
  static kubectl_answer create(const std::string& yaml) {
    return admin().ask_with_file({"create", "--dry-run=server", "-f"}, yaml);
  }
  static void fail_without_us_for_pods() {
    admin().run({"patch", "mutatingwebhookconfiguration", "gkm-pods", "--type=json", "-p",
                 R"([{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Fail"}])"});
  }

private:
  reserved_port nobody_;
};

constexpr auto our_volume = "{name: k, csi: {driver: csi.gkm.io, volumeAttributes: {a: b}}}";

TEST_F(webhook_conditions, a_new_cache_and_a_new_image_need_the_operator) {
  EXPECT_THAT(create(cache("new", "a/b:c")).err, HasSubstr("failed calling webhook"));
  EXPECT_THAT(admin().ask_with_file({"apply", "-f"}, cache("old", "a/b:two")).err,
              HasSubstr("failed calling webhook"));
  EXPECT_THAT(admin()
                  .ask({"annotate", "gkmcache", "old", "-n", "webhook-test",
                        "gkm.io/resolvedDigest=forged"})
                  .err,
              HasSubstr("failed calling webhook"));
}

TEST_F(webhook_conditions, labels_finalizers_and_deletion_do_not) {
  const std::vector<std::string> old{"gkmcache", "old", "-n", "webhook-test"};
  auto with_old = [&](std::vector<std::string> before, const std::vector<std::string>& after) {
    before.insert(before.end(), old.begin(), old.end());
    before.insert(before.end(), after.begin(), after.end());
    admin().run(before);
  };
  with_old({"label"}, {"team=ml", "--overwrite"});
  with_old({"patch"}, {"--type=merge", "-p", R"({"metadata": {"finalizers": ["gkm.io/held"]}})"});
  with_old({"delete"}, {"--wait=false"});
  with_old({"patch"}, {"--type=merge", "-p", R"({"metadata": {"finalizers": []}})"});
  EXPECT_FALSE(admin().ask({"get", "gkmcache", "old", "-n", "webhook-test"}).ok());
}

TEST_F(webhook_conditions, pods_start_without_the_operator) {
  EXPECT_TRUE(create(pod(our_volume)).ok());
}

TEST_F(webhook_conditions, only_pods_that_mount_a_cache_are_sent_to_it) {
  fail_without_us_for_pods();
  eventually("the change is in force", [] { return !create(pod(our_volume)).ok(); });
  EXPECT_TRUE(create(pod("{name: k, emptyDir: {}}")).ok());
  EXPECT_TRUE(create(pod("{name: k, csi: {driver: other.example.com}}")).ok());
  EXPECT_TRUE(create(pod("")).ok());
}

}  // namespace
}  // namespace gkm::support
