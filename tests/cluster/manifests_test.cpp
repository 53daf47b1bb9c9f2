// deploy/ and examples/, as a real API server sees them.
#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <gmock/gmock.h>

namespace gkm::support {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class manifests : public deployed_test {
protected:
  /// What `make deploy` would apply, with these variables.
  std::string rendered(std::map<std::string, std::string> variables = {}) {
    variables["KUBECTL"] = find_kube_programs()->kubectl;
    return run_program({(source_tree() / "scripts/deploy").string(), "render"}, folder_.path(),
                       variables);
  }

  static void expect_valid(const std::string& yaml) {
    auto answer = admin().ask_with_file({"apply", "--dry-run=server", "-f"}, yaml);
    EXPECT_TRUE(answer.ok()) << answer.err;
    EXPECT_EQ(answer.err, "") << "a warning";
  }

  temp_dir folder_;
};

TEST_F(manifests, are_accepted_without_a_warning) { expect_valid(rendered()); }

TEST_F(manifests, take_other_images_without_an_edit) {
  auto mine = rendered({{"REGISTRY", "registry.local:5000/team"}, {"TAG", "v1.2"}});
  EXPECT_THAT(mine, AllOf(HasSubstr("image: registry.local:5000/team/operator:v1.2"),
                          HasSubstr("image: registry.local:5000/team/agent:v1.2"),
                          HasSubstr("gkm.agent.image: registry.local:5000/team/agent:v1.2"),
                          HasSubstr("gkm.csi.image: registry.local:5000/team/gkm-csi-plugin:v1.2"),
                          Not(HasSubstr("image: quay.io/gkm/"))));
  EXPECT_THAT(rendered({{"QUAY_USER", "somebody"}}), HasSubstr("image: quay.io/somebody/agent:"));
  auto pinned = rendered({{"IMG", "localhost:5000/op:v2"}, {"TAG", "v1.2"}});
  EXPECT_THAT(pinned, AllOf(HasSubstr("image: localhost:5000/op:v2"),
                            HasSubstr("image: quay.io/gkm/agent:v1.2")));
  expect_valid(mine);
}

TEST_F(manifests, take_a_tag_that_looks_like_a_number) {
  for (const char* tag : {"7500e28", "1234567", "1.2", "true"})
    EXPECT_THAT(rendered({{"TAG", tag}}),
                AllOf(HasSubstr("image: quay.io/gkm/agent:" + std::string(tag) + "\n"),
                      HasSubstr("image: quay.io/gkm/operator:" + std::string(tag) + "\n")));
}

TEST_F(manifests, name_a_version_and_let_an_image_serve_that_is_there) {
  auto images = rendered();
  EXPECT_THAT(images, Not(HasSubstr(":latest")));
  size_t named = 0, policies = 0;
  std::istringstream lines(images);
  for (std::string line; std::getline(lines, line);) {
    named += line.find(" image: ") != std::string::npos ? 1 : 0;
    policies += line.find(" imagePullPolicy: IfNotPresent") != std::string::npos ? 1 : 0;
  }
  EXPECT_GE(named, 5U);
  EXPECT_EQ(named, policies);
}

TEST_F(manifests, of_the_purge_are_accepted) {
  expect_valid(read_whole(source_tree() / "deploy/purge.yaml"));
}

TEST_F(manifests, name_pods_as_people_know_them) {
  auto names = admin().run({"get", "deployments,daemonsets", "-n", "gkm-system", "-o", "name"});
  EXPECT_THAT(
      names, AllOf(HasSubstr("deployment.apps/gkm-operator"), HasSubstr("daemonset.apps/gkm-agent"),
                   HasSubstr("daemonset.apps/gkm-csi-node")));
}

TEST_F(manifests, keep_the_operator_within_the_restricted_profile) {
  admin().apply(
      "{apiVersion: v1, kind: Namespace, metadata: {name: restricted-test, labels: "
      "{pod-security.kubernetes.io/enforce: restricted}}}");
  admin().apply(
      "{apiVersion: v1, kind: ServiceAccount, metadata: {name: gkm-operator, namespace: "
      "restricted-test}}");
  auto spec =
      admin().field({"deployment/gkm-operator", "-n", "gkm-system"}, "{.spec.template.spec}");
  auto pod = admin().ask_with_file(
      {"create", "--dry-run=server", "-f"},
      "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"p\", "
      "\"namespace\": \"restricted-test\"}, \"spec\": " +
          spec + "}");
  EXPECT_TRUE(pod.ok()) << pod.err;
}

TEST_F(manifests, include_examples_that_apply) {
  for (const auto* name :
       {"gkm-test-ns-scoped-1", "gkm-test-ns-scoped-2", "gkm-test-cl-scoped", "gkm-vllm"})
    make_namespace(server(), name);
  for (const auto* folder : {"examples/namespace", "examples/cluster"})
    expect_valid(admin().run({"kustomize", (source_tree() / folder).string()}));
  expect_valid(read_whole(source_tree() / "examples/vllm.yaml"));
}

TEST_F(manifests, take_the_cache_of_the_first_days_unchanged) {
  make_namespace(server(), "seed-test");
  auto answer =
      admin().ask_with_file({"apply", "-n", "seed-test", "-f"},
                            "apiVersion: gkm.io/v1alpha1\n"
                            "kind: GKMCache\n"
                            "metadata:\n"
                            "  name: vector-add-cache-rocm-1\n"
                            "  labels:\n"
                            "    gkm.io/signature-format: cosign-v3\n"
                            "spec:\n"
                            "  image: quay.io/gkm/cache-examples:vector-add-cache-rocm\n");
  EXPECT_TRUE(answer.ok()) << answer.err;
}

}  // namespace
}  // namespace gkm::support
