// gkm-config, followed by the real gkm-operator on a real API server.
#include "tests/support/build_tree.hpp"
#include "tests/support/kube/kube_identities.hpp"
#include "tests/support/kube/operator_program.hpp"
#include "tests/support/registry/cache_image.hpp"

#include <gmock/gmock.h>

namespace gkm::support {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Ends with gkm-config as it was deployed.
class settings : public deployed_test {
protected:
  void SetUp() override {
    deployed_test::SetUp();
    if (IsSkipped()) return;
    before_ = admin().run(
        {"get", "configmap", "gkm-config", "-n", "gkm-system", "-o", "jsonpath={.data}"});
    op_.emplace(server());
    eventually("it leads", [&] { return op_->metric("gkm_operator_leading") == 1; });
  }
  void TearDown() override {
    if (IsSkipped()) return;
    patch_config(before_);
    eventually("all is as it was", [&] {
      return images("gkm-agent").find("test/") == std::string::npos &&
             images("gkm-csi-node").find("test/") == std::string::npos &&
             no_gpu("gkm-agent") != "true" && no_gpu("gkm-csi-node") != "true";
    });
  }

  static void patch_config(const std::string& data) {
    admin().run({"patch", "configmap", "gkm-config", "-n", "gkm-system", "--type=merge", "-p",
                 "{\"data\":" + data + "}"});
  }
  static void set(const std::string& key, const std::string& value) {
    patch_config("{\"" + key + "\":" + value + "}");
  }
  static std::string of_daemon(const std::string& daemon, const std::string& path) {
    return admin().field({"daemonset/" + daemon, "-n", "gkm-system"}, path);
  }
  static std::string images(const std::string& daemon) {
    return of_daemon(daemon, "{.spec.template.spec['initContainers','containers'][*].image}");
  }
  static std::string no_gpu(const std::string& daemon) {
    return of_daemon(daemon, R"({.spec.template.metadata.annotations.gkm\.io/nogpu})");
  }
  static int generation(const std::string& daemon) {
    return std::stoi(of_daemon(daemon, "{.metadata.generation}"));
  }
  bool says(const std::string& words) {
    return eventually("it says " + words,
                      [&] { return op_->process().err().find(words) != std::string::npos; });
  }
  double writes() { return op_->metric("gkm_operator_api_writes_total", "what=\"daemonset\""); }

  std::optional<operator_program> op_;

private:
  std::string before_;
};

TEST_F(settings, of_the_operators_log_are_followed_and_nonsense_changes_nothing) {
  set("gkm.operator.log.level", "\"debug\"");
  EXPECT_TRUE(says("Log level is set level=debug"));
  set("gkm.operator.log.level", "\"loud\"");
  EXPECT_TRUE(says("key=gkm.operator.log.level value=loud"));
  set("gkm.operator.log.level", "null");
  EXPECT_TRUE(says("gkm-config has no such key"));
  set("gkm.operator.log.level", "\"warn\"");
  set("gkm.operator.log.level", "\"info\"");
  EXPECT_TRUE(says("Log level is set level=info"));
}

TEST_F(settings, of_images_roll_the_daemon_sets_in_one_write_each) {
  auto agents = generation("gkm-agent");
  auto csis = generation("gkm-csi-node");
  EXPECT_EQ(writes(), 0) << "they were right";
  patch_config(R"({"gkm.agent.image":"test/agent:v2","gkm.csi.image":"test/csi:v2"})");
  EXPECT_TRUE(eventually("the agents' image is new", [] {
    return images("gkm-agent") == "test/agent:v2 test/agent:v2";
  })) << images("gkm-agent");
  EXPECT_TRUE(eventually("gkm-csi's image is new", [] {
    return images("gkm-csi-node") == "test/csi:v2 test/csi:v2";
  })) << images("gkm-csi-node");
  EXPECT_EQ(generation("gkm-agent"), agents + 1);
  EXPECT_EQ(generation("gkm-csi-node"), csis + 1);
  EXPECT_EQ(of_daemon("gkm-agent", "{.spec.template.spec.containers[0].command}"),
            R"(["gkm-agent"])")
      << "nothing else is touched";
  EXPECT_TRUE(says("A DaemonSet follows gkm-config daemonset=gkm-agent image=test/agent:v2"));
}

TEST_F(settings, of_images_that_are_none_are_refused_in_an_event) {
  auto agents = generation("gkm-agent");
  set("gkm.agent.image", "\"test/agent: v3!\"");
  EXPECT_TRUE(says("key=gkm.agent.image value=\"test/agent: v3!\""));
  EXPECT_TRUE(eventually("an event says so", [] {
    auto events = admin().run({"get", "events.events.k8s.io", "-n", "gkm-system", "-o",
                               "jsonpath={range .items[*]}{.regarding.kind}/{.regarding.name} "
                               "{.reason}: {.note}\n{end}"});
    return events.find("ConfigMap/gkm-config SettingRefused: gkm.agent.image 'test/agent: v3!'") !=
           std::string::npos;
  }));
  EXPECT_EQ(generation("gkm-agent"), agents);
}

TEST_F(settings, of_no_gpu_mode_make_the_pods_anew) {
  auto agents = generation("gkm-agent");
  set("gkm.nogpu", "\"true\"");
  EXPECT_TRUE(eventually("both know", [] {
    return no_gpu("gkm-agent") == "true" && no_gpu("gkm-csi-node") == "true";
  }));
  EXPECT_EQ(generation("gkm-agent"), agents + 1);
  set("gkm.nogpu", "\"false\"");
  EXPECT_TRUE(eventually("both know", [] {
    return no_gpu("gkm-agent") == "false" && no_gpu("gkm-csi-node") == "false";
  }));
}

TEST_F(settings, that_are_missing_leave_the_daemon_sets_to_people) {
  set("gkm.agent.image", "null");
  admin().run(
      {"set", "image", "daemonset/gkm-agent", "-n", "gkm-system", "gkm-agent=test/by-hand:v1"});
  set("gkm.nogpu", "\"true\"");
  EXPECT_TRUE(eventually("no-GPU mode is there", [] { return no_gpu("gkm-agent") == "true"; }));
  EXPECT_THAT(images("gkm-agent"), HasSubstr("test/by-hand:v1"));
}

TEST_F(settings, of_registries_are_followed_and_named_where_they_help) {
  auto image = cache_image().layer(kernel_layer().finished());
  image_registry registry(image);
  make_namespace(server(), "registries");
  admin().apply(
      "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: c, namespace: registries}, "
      "spec: {image: '" +
      registry.name() + "'}}");
  auto field = [](const std::string& path) {
    return admin().field({"gkmcache/c", "-n", "registries"}, path);
  };
  EXPECT_TRUE(eventually("the setting is named", [&] {
    return field(R"({.status.conditions[?(@.type=="Ready")].message})")
               .find("gkm-config as gkm.registry.plain-http") != std::string::npos;
  }));
  set("gkm.registry.plain-http", "\"" + registry.server().authority() + "\"");
  EXPECT_TRUE(eventually("it is resolved",
                         [&] { return field("{.status.resolvedDigest}") == image.digest(); }));
  admin().run({"delete", "gkmcache", "c", "-n", "registries"});
}

TEST_F(settings, of_kyverno_are_told_to_have_no_effect_yet) {
  EXPECT_EQ(op_->metric("gkm_operator_kyverno_enabled"), 0);
  set("gkm.kyverno.enabled", "\"true\"");
  EXPECT_TRUE(says("gkm.kyverno.enabled has no effect"));
  EXPECT_EQ(op_->metric("gkm_operator_kyverno_enabled"), 1);
}

TEST_F(settings, stay_when_everything_is_applied_again) {
  temp_dir folder;
  std::map<std::string, std::string> variables{
      {"KUBECTL", find_kube_programs()->kubectl}, {"QUAY_USER", "test"}, {"TAG", "latest"}};
  auto rendered = run_program({(source_tree() / "scripts/deploy").string(), "render"},
                              folder.path(), variables);
  // As `make deploy QUAY_USER=test`, but for the webhooks, which nobody answers here.
  auto apply_twice = [&] {
    admin().apply(rendered);
    remove_webhooks(server());
  };
  apply_twice();
  EXPECT_EQ(images("gkm-agent"), "quay.io/test/agent:latest quay.io/test/agent:latest");
  auto agents = generation("gkm-agent");
  op_->end();
  op_.emplace(server());
  ASSERT_TRUE(eventually("it leads", [&] { return op_->metric("gkm_operator_leading") == 1; }));
  set("gkm.operator.log.level", "\"debug\"");
  EXPECT_TRUE(says("Log level is set level=debug"));
  EXPECT_EQ(generation("gkm-agent"), agents) << "the operator undoes nothing";
  apply_twice();
  EXPECT_EQ(generation("gkm-agent"), agents);
}

}  // namespace
}  // namespace gkm::support
