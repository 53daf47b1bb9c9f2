#include "tests/support/kube/deployment.hpp"

#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/kube/kube_identities.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <array>

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

constexpr std::array crds{"crd/gkmcaches.gkm.io", "crd/clustergkmcaches.gkm.io",
                          "crd/gkmcachenodes.gkm.io", "crd/clustergkmcachenodes.gkm.io"};

constexpr std::chrono::seconds policy_limit{60};

struct webhook {
  const char* kind;
  const char* name;
  const char* path;
};
constexpr std::array webhooks_of_base{
    webhook{"MutatingWebhookConfiguration", "gkm-caches", "/mutate/caches"},
    webhook{"ValidatingWebhookConfiguration", "gkm-caches", "/validate/caches"},
    webhook{"MutatingWebhookConfiguration", "gkm-pods", "/mutate/pods"}};

std::string target_of(const webhook& w) {
  return "  - target: {kind: " + std::string(w.kind) + ", name: " + w.name + "}\n    patch: |\n";
}

std::string removal(const webhook& w) {
  return target_of(w) + "      $patch: delete\n      kind: " + w.kind +
         "\n      metadata: {name: " + w.name + "}\n";
}

std::string redirection(const webhook& w, const webhook_place& to) {
  auto config = "{\"url\": \"" + to.url + w.path + '"';
  if (!to.ca_base64.empty()) config += ", \"caBundle\": \"" + to.ca_base64 + '"';
  return target_of(w) +
         "      [{\"op\": \"replace\", \"path\": \"/webhooks/0/clientConfig\", \"value\": " +
         config + "}}]\n";
}

/// Denied by each policy once it is in force. The policies come into force one by one, seconds
/// after they were applied, and the server does not tell when.
void wait_for_policies(const kube_server& server) {
  const auto& admin = server.admin();
  admin.apply(
      "{apiVersion: gkm.io/v1alpha1, kind: GKMCacheNode, "
      "metadata: {name: probe, namespace: gkm-system}}");
  auto status_denied = [&] {
    return !admin
                .ask({"patch", "gkmcachenode", "probe", "-n", "gkm-system", "--subresource=status",
                      "--type=merge", "--dry-run=server", "-p",
                      R"({"status":{"nodeName":"probe"}})"})
                .ok();
  };
  auto cache_with = [](const std::string& digest) {
    return "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: probe, "
           "namespace: gkm-system, annotations: {gkm.io/resolvedDigest: '" +
           digest + "'}}, spec: {image: a/b:c}}";
  };
  auto digest_denied = [&] {
    return !admin.ask_with_file({"apply", "--dry-run=server", "-f"}, cache_with("forged")).ok();
  };
  auto agent = server.as("probe", account_token(server, "gkm-system", "gkm-agent"));
  auto agent_denied = [&] {
    return !agent.ask({"delete", "gkmcachenode", "probe", "-n", "gkm-system", "--dry-run=server"})
                .ok();
  };
  auto event_denied = [&] {
    return !agent
                .ask_with_file(
                    {"create", "--dry-run=server", "-f"},
                    "{apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: probe, "
                    "namespace: default}, eventTime: '2026-01-01T00:00:00.000000Z', "
                    "reportingController: probe, reportingInstance: probe, reason: Probe, action: "
                    "Probe, type: Normal, note: n, regarding: {apiVersion: v1, kind: Node, name: "
                    "probe}}")
                .ok();
  };
  auto gkm_operator = server.as("probe-op", account_token(server, "gkm-system", "gkm-operator"));
  auto rollout_denied = [&] {
    return !gkm_operator
                .ask({"patch", "daemonset", "gkm-agent", "-n", "gkm-system", "--type=merge",
                      "--dry-run=server", "-p", R"({"spec":{"minReadySeconds":1}})"})
                .ok();
  };
  auto secret_denied = [&] {
    return !gkm_operator
                .ask_with_file({"create", "--dry-run=server", "-f"},
                               "{apiVersion: v1, kind: Secret, type: probe, metadata: {name: probe,"
                               " namespace: gkm-pull-secrets}}")
                .ok();
  };
  auto all_deny = [&] {
    return status_denied() && digest_denied() && agent_denied() && event_denied() &&
           rollout_denied() && secret_denied();
  };
  eventually("the policies are in force", all_deny, policy_limit);
  admin.run({"delete", "gkmcachenode", "probe", "-n", "gkm-system"});
}

}  // namespace

std::string render_deployment(const kubectl& with, const fs::path& folder,
                              const std::optional<webhook_place>& webhooks) {
  auto base = fs::relative(source_tree() / "deploy/base", fs::canonical(folder));
  std::string text =
      "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
      "resources:\n  - " +
      base.string() + "\npatches:\n";
  for (const auto& w : webhooks_of_base) text += webhooks ? redirection(w, *webhooks) : removal(w);
  write_whole(folder / "kustomization.yaml", text);
  return with.run({"kustomize", folder.string()});
}

void deploy_gkm(const kube_server& server) {
  temp_dir folder;
  server.admin().apply(render_deployment(server.admin(), folder.path(), std::nullopt));
  for (const auto* crd : crds)
    server.admin().run({"wait", "--for=condition=Established", "--timeout=30s", crd});
  wait_for_policies(server);
}

void apply_webhooks(const kube_server& server, const webhook_place& place) {
  temp_dir folder;
  server.admin().apply(render_deployment(server.admin(), folder.path(), place));
}

void remove_webhooks(const kube_server& server) {
  for (const auto& w : webhooks_of_base)
    server.admin().run({"delete", w.kind, w.name, "--ignore-not-found"});
}

void deployed_test::SetUp() {
  cluster_test::SetUp();
  if (IsSkipped()) return;
  static bool deployed = (deploy_gkm(server()), true);
  EXPECT_TRUE(deployed);
}

}  // namespace gkm::support
