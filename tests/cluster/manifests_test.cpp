// deploy/ and examples/, as a real API server sees them.
#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/deployment.hpp"
#include "tests/support/kube_identities.hpp"

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
  auto mine = rendered({{"QUAY_USER", "somebody"}});
  EXPECT_THAT(mine, AllOf(HasSubstr("image: quay.io/somebody/operator:latest"),
                          HasSubstr("image: quay.io/somebody/agent:latest"),
                          HasSubstr("gkm.agent.image: quay.io/somebody/agent:latest"),
                          HasSubstr("gkm.csi.image: quay.io/somebody/gkm-csi-plugin:latest"),
                          Not(HasSubstr("image: quay.io/gkm/"))));
  auto pinned = rendered({{"IMG", "localhost:5000/op:v2"}});
  EXPECT_THAT(pinned, AllOf(HasSubstr("image: localhost:5000/op:v2"),
                            HasSubstr("image: quay.io/gkm/agent:latest")));
  expect_valid(mine);
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
