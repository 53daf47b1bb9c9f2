// Who may do what: the roles and policies of deploy/base, with the tokens that pods would have.
#include "tests/support/child_process.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <gmock/gmock.h>

namespace gkm::support {
namespace {

using ::testing::HasSubstr;

constexpr auto some_digest =
    "sha256:1111111111111111111111111111111111111111111111111111111111111111";

class policy : public deployed_test {
protected:
  void SetUp() override {
    deployed_test::SetUp();
    if (IsSkipped()) return;
    make_namespace(server(), "policy-test");
    make_node(server(), "policy-a");
    make_node(server(), "policy-b");
  }

  static kubectl agent_on(const std::string& node) {
    return server().as("agent-" + node, pod_token(server(), {node, "gkm-agent"}));
  }
  static kubectl gkm_operator() {
    return server().as("gkm-operator", account_token(server(), "gkm-system", "gkm-operator"));
  }
  static void bind(const std::string& role, const std::string& user) {
    admin().apply(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: " + user +
        '-' + role +
        ", namespace: policy-test}, roleRef: {apiGroup: rbac.authorization.k8s.io, "
        "kind: ClusterRole, name: " +
        role + "}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: " + user +
        "}]}");
  }
  /// What Kubernetes' own role `edit` comes to: a controller would add these two to it.
  static kubectl editor() {
    bind("gkm-edit", "editor");
    bind("gkm-view", "editor");
    return server().as_user("editor");
  }

  static std::string cache(const std::string& name, const std::string& image,
                           const std::string& annotations = "{}") {
    return "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: " + name +
           ", namespace: policy-test, annotations: " + annotations + "}, spec: {image: '" + image +
           "'}}";
  }
  static std::string report(const std::string& node) {
    return "{apiVersion: gkm.io/v1alpha1, kind: GKMCacheNode, metadata: {name: " + node +
           ", namespace: policy-test}}";
  }
  static kubectl_answer patch_status(const kubectl& by, const std::string& object,
                                     const std::string& status) {
    return by.ask({"patch", object, "-n", "policy-test", "--subresource=status", "--type=merge",
                   "-p", "{\"status\": " + status + "}"});
  }
  static void expect_refused(const kubectl_answer& answer, const std::string& why) {
    EXPECT_FALSE(answer.ok()) << answer.out;
    EXPECT_THAT(answer.err, HasSubstr(why));
  }
};

TEST_F(policy, an_agent_writes_the_reports_of_its_own_node_only) {
  auto a = agent_on("policy-a");
  auto b = agent_on("policy-b");
  const std::string denied = "an agent may write the report of its own node alone";
  ASSERT_TRUE(a.ask_with_file({"apply", "--server-side", "-f"}, report("policy-a")).ok());
  EXPECT_TRUE(patch_status(a, "gkmcachenode/policy-a", R"({"nodeName": "policy-a"})").ok());

  expect_refused(a.ask_with_file({"create", "-f"}, report("policy-b")), denied);
  expect_refused(patch_status(b, "gkmcachenode/policy-a", R"({"gpus": []})"), denied);
  expect_refused(b.ask({"delete", "gkmcachenode", "policy-a", "-n", "policy-test"}), denied);
  expect_refused(b.ask({"label", "gkmcachenode", "policy-a", "-n", "policy-test", "x=y"}), denied);

  EXPECT_TRUE(a.ask({"delete", "gkmcachenode", "policy-a", "-n", "policy-test"}).ok());
}

TEST_F(policy, an_agents_report_has_no_finalizer_owner_or_label_but_its_node) {
  auto a = agent_on("policy-a");
  auto with = [](const std::string& metadata) {
    return "{apiVersion: gkm.io/v1alpha1, kind: GKMCacheNode, metadata: {name: policy-a, "
           "namespace: policy-test, " +
           metadata + "}}";
  };
  auto create = [&](const std::string& metadata) {
    return a.ask_with_file({"create", "-f"}, with(metadata));
  };
  auto owner = [](const std::string& kind, const std::string& name, const std::string& more = "") {
    return "ownerReferences: [{apiVersion: v1, kind: " + kind + ", name: " + name +
           ", uid: some-uid" + more + "}]";
  };
  expect_refused(create("finalizers: [gkm.io/held]"), "adds no finalizer");
  expect_refused(create(owner("Node", "policy-b")), "nobody but its Node owns");
  expect_refused(create(owner("Pod", "policy-a")), "nobody but its Node owns");
  expect_refused(create(owner("Node", "policy-a", ", blockOwnerDeletion: true")),
                 "nobody but its Node owns");
  expect_refused(create("labels: {team: ml}"), "no label but");
  expect_refused(create("labels: {kubernetes.io/hostname: policy-b}"), "no label but");
  expect_refused(create("annotations: {a: b}"), "no label but");
  ASSERT_TRUE(
      create("labels: {kubernetes.io/hostname: policy-a}, " + owner("Node", "policy-a")).ok());
  expect_refused(a.ask({"patch", "gkmcachenode", "policy-a", "-n", "policy-test", "--type=merge",
                        "-p", R"({"metadata": {"finalizers": ["gkm.io/held"]}})"}),
                 "adds no finalizer");
  // What an administrator put there does not keep the agent from its work.
  admin().run({"label", "gkmcachenode", "policy-a", "-n", "policy-test", "team=ml"});
  EXPECT_TRUE(patch_status(a, "gkmcachenode/policy-a", R"({"nodeName": "policy-a"})").ok());
  EXPECT_TRUE(a.ask({"delete", "gkmcachenode", "policy-a", "-n", "policy-test"}).ok());
}

TEST_F(policy, an_agents_events_are_about_its_reports_and_pods) {
  auto a = agent_on("policy-a");
  auto event = [](const std::string& name, const std::string& regarding,
                  const std::string& reporter = "gkm.io/agent",
                  const std::string& instance = "policy-a") {
    return "{apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: " + name +
           ", namespace: policy-test}, eventTime: '2026-01-01T00:00:00.000000Z', "
           "reportingController: " +
           reporter + ", reportingInstance: " + instance +
           ", reason: Created, action: Extract, type: Normal, note: text, regarding: " + regarding +
           "}";
  };
  const std::string report =
      "{apiVersion: gkm.io/v1alpha1, kind: GKMCacheNode, name: policy-a, namespace: policy-test}";
  auto create = [&](const std::string& text) { return a.ask_with_file({"create", "-f"}, text); };
  EXPECT_TRUE(create(event("report", report)).ok());
  EXPECT_TRUE(
      create(event("pod", "{apiVersion: v1, kind: Pod, name: p, namespace: policy-test}")).ok());
  expect_refused(
      create(event("x", "{apiVersion: v1, kind: Secret, name: p, namespace: policy-test}")),
      "about the reports of its own node, and about pods");
  expect_refused(create(event("x",
                              "{apiVersion: gkm.io/v1alpha1, kind: GKMCacheNode, name: "
                              "policy-b, namespace: policy-test}")),
                 "about the reports of its own node, and about pods");
  expect_refused(create(event("x",
                              "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, name: policy-a, "
                              "namespace: policy-test}")),
                 "about the reports of its own node, and about pods");
  expect_refused(create(event("x", report, "kubelet")), "events of its own");
  expect_refused(create(event("x", report, "gkm.io/agent", "policy-b")), "events of its own");
  admin().apply(event("kubelets", report, "kubelet"));
  EXPECT_FALSE(a.ask({"patch", "events.v1.events.k8s.io", "kubelets", "-n", "policy-test",
                      "--type=merge", "-p", R"({"reportingController": "gkm.io/agent"})"})
                   .ok());
}

TEST_F(policy, the_operator_changes_of_a_daemonset_what_gkm_config_says) {
  auto op = gkm_operator();
  auto patch = [&](const std::string& body, const std::string& type = "strategic") {
    return op.ask({"patch", "daemonset", "gkm-agent", "-n", "gkm-system", "--type=" + type,
                   "--dry-run=server", "-p", body});
  };
  auto containers = [](const std::string& fields) {
    return R"({"spec":{"template":{"spec":{"containers":[{"name":"gkm-agent",)" + fields + "}]}}}}";
  };
  auto pods = [](const std::string& fields) {
    return R"({"spec":{"template":{"spec":{)" + fields + "}}}}";
  };
  auto image =
      admin().field({"configmap/gkm-config", "-n", "gkm-system"}, "{.data.gkm\\.agent\\.image}");
  // The API server reads gkm-config for this, soon after it has heard of the policy.
  ASSERT_TRUE(eventually("what gkm-config says may be written",
                         [&] { return patch(containers(R"("image":")" + image + "\"")).ok(); }));
  expect_refused(patch(containers(R"("image":"evil/image")")), "the images of GKM's own");
  expect_refused(patch(containers(R"("command":["sh"])")), "the images of GKM's own");
  expect_refused(patch(containers(R"("securityContext":{"readOnlyRootFilesystem":false})")),
                 "the images of GKM's own");
  expect_refused(patch(R"({"spec":{"template":{"spec":{"containers":[{"name":"more","image":")" +
                       image + "\"}]}}}}"),
                 "the images of GKM's own");
  expect_refused(patch(pods(R"("hostPID":true)")), "no more of the pods than images");
  expect_refused(patch(pods(R"("serviceAccountName":"default")")),
                 "no more of the pods than images");
  expect_refused(patch(R"({"spec":{"template":{"metadata":{"annotations":{"a":"b"}}}}})"),
                 "no other annotation of the pods");
  expect_refused(
      patch(R"({"spec":{"template":{"metadata":{"annotations":{"gkm.io/nogpu":"true"}}}}})"),
      "must be what gkm-config says");
  expect_refused(patch(R"({"spec":{"minReadySeconds":100}})"), "nothing but the pods' template");
  expect_refused(patch(R"({"metadata":{"labels":{"a":"b"}}})"), "nothing but the pods' template");
}

TEST_F(policy, the_operator_changes_no_more_of_webhooks_than_the_authority) {
  auto op = gkm_operator();
  // The real ones are not deployed here; this one is called for nothing.
  admin().apply(
      "{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, "
      "metadata: {name: gkm-pods, labels: {app: gkm}}, webhooks: [{name: pods.gkm.io, "
      "admissionReviewVersions: [v1], sideEffects: None, clientConfig: {service: {namespace: "
      "gkm-system, name: gkm-webhook}}, rules: [{apiGroups: [nobody.example], apiVersions: [v1], "
      "resources: [nothings], operations: [CREATE]}], matchConditions: [{name: never, expression: "
      "'false'}]}]}");
  auto patch = [&](const std::string& operations) {
    return op.ask({"patch", "mutatingwebhookconfiguration", "gkm-pods", "--type=json",
                   "--dry-run=server", "-p", operations});
  };
  EXPECT_TRUE(
      patch(R"([{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":"Cg=="}])").ok());
  const std::string denied = "no more of webhooks than caBundle";
  ASSERT_TRUE(eventually("the policy is in force", [&] {
    return !patch(R"([{"op":"replace","path":"/webhooks/0/rules/0/resources","value":["x"]}])")
                .ok();
  }));
  expect_refused(
      patch(R"([{"op":"add","path":"/webhooks/0/clientConfig/service/namespace","value":"evil"}])"),
      denied);
  expect_refused(
      patch(R"([{"op":"replace","path":"/webhooks/0/rules/0/resources","value":["secrets"]}])"),
      denied);
  expect_refused(patch(R"([{"op":"remove","path":"/webhooks/0/matchConditions"}])"), denied);
  expect_refused(patch(R"([{"op":"add","path":"/metadata/labels/a","value":"b"}])"),
                 "no more of webhook configurations than caBundle");
  admin().run({"delete", "mutatingwebhookconfiguration", "gkm-pods"});
}

TEST_F(policy, the_operator_makes_no_token_of_a_service_account) {
  auto op = gkm_operator();
  auto secret = [](const std::string& ns, const std::string& type) {
    return "{apiVersion: v1, kind: Secret, metadata: {name: made, namespace: " + ns +
           ", annotations: {kubernetes.io/service-account.name: gkm-agent}}, type: " + type +
           ", stringData: {sealed: x}}";
  };
  for (const auto* ns : {"gkm-system", "gkm-pull-secrets"})
    expect_refused(
        op.ask_with_file({"create", "-f"}, secret(ns, "kubernetes.io/service-account-token")),
        "its certificates and sealed copies");
  EXPECT_TRUE(op.ask_with_file({"create", "--dry-run=server", "-f"},
                               secret("gkm-pull-secrets", "gkm.io/sealed-pull-secret"))
                  .ok());
}

TEST_F(policy, the_same_holds_for_reports_without_a_namespace) {
  const std::string object =
      "{apiVersion: gkm.io/v1alpha1, kind: ClusterGKMCacheNode, metadata: {name: policy-a}}";
  ASSERT_TRUE(agent_on("policy-a").ask_with_file({"apply", "--server-side", "-f"}, object).ok());
  expect_refused(agent_on("policy-b").ask({"delete", "clustergkmcachenode", "policy-a"}),
                 "its own node alone: 'policy-a' is not 'policy-b'");
  EXPECT_TRUE(gkm_operator().ask({"delete", "clustergkmcachenode", "policy-a"}).ok());
}

TEST_F(policy, an_agents_token_without_a_pod_writes_nothing) {
  auto loose = server().as("loose", account_token(server(), "gkm-system", "gkm-agent"));
  expect_refused(loose.ask_with_file({"create", "-f"}, report("policy-a")),
                 "not named by its token");
}

TEST_F(policy, nobody_but_the_operator_writes_a_caches_status) {
  admin().apply(cache("judged", "a/b:c"));
  const std::string forged = "{\"resolvedDigest\": \"" + std::string(some_digest) + "\"}";
  for (const auto& somebody : {admin(), editor(), agent_on("policy-a")})
    expect_refused(patch_status(somebody, "gkmcache/judged", forged), "forbidden");
  expect_refused(patch_status(admin(), "gkmcache/judged", forged), "only GKM's operator");
  EXPECT_TRUE(patch_status(gkm_operator(), "gkmcache/judged", forged).ok());
}

TEST_F(policy, nobody_but_an_agent_writes_a_reports_status) {
  ASSERT_TRUE(agent_on("policy-b")
                  .ask_with_file({"apply", "--server-side", "-f"}, report("policy-b"))
                  .ok());
  const std::string forged = R"({"nodeName": "policy-b"})";
  expect_refused(patch_status(admin(), "gkmcachenode/policy-b", forged), "only the agent");
  expect_refused(patch_status(editor(), "gkmcachenode/policy-b", forged), "forbidden");
  expect_refused(patch_status(gkm_operator(), "gkmcachenode/policy-b", forged), "forbidden");
}

TEST_F(policy, nobody_but_gkm_changes_the_resolved_digest) {
  auto user = editor();
  const auto pinned = "{gkm.io/resolvedDigest: '" + std::string(some_digest) + "'}";
  ASSERT_TRUE(user.ask_with_file({"apply", "-f"}, cache("pinned", "a/b:c")).ok());
  auto annotate = [&](const kubectl& by, const std::string& change) {
    return by.ask({"annotate", "--overwrite", "gkmcache", "pinned", "-n", "policy-test",
                   "gkm.io/resolvedDigest" + change});
  };
  const std::string denied = "only GKM writes the annotation";
  for (const auto& somebody : {user, admin()})
    expect_refused(annotate(somebody, '=' + std::string(some_digest)), denied);
  EXPECT_TRUE(annotate(gkm_operator(), '=' + std::string(some_digest)).ok());
  expect_refused(annotate(user, "-"), denied);

  expect_refused(user.ask_with_file({"create", "-f"},
                                    cache("forged", "a/b:c", "{gkm.io/resolvedDigest: latest}")),
                 "must be a digest");
  expect_refused(user.ask_with_file({"create", "-f"},
                                    cache("forged", "a/b@sha256:" + std::string(64, '2'), pinned)),
                 "the digest that spec.image names");
}

TEST_F(policy, everything_else_stays_possible_while_the_operator_is_away) {
  auto user = editor();
  ASSERT_TRUE(user.ask_with_file({"apply", "-f"}, cache("free", "a/b:c")).ok());
  user.run({"label", "gkmcache", "free", "-n", "policy-test", "team=ml"});
  user.run({"delete", "gkmcache", "free", "-n", "policy-test", "--wait=false"});
}

TEST_F(policy, agents_read_copies_of_pull_secrets_and_no_other) {
  for (const auto* ns : {"policy-test", "gkm-system", "gkm-pull-secrets"})
    admin().run({"create", "secret", "generic", "policy", "-n", ns, "--from-literal=a=b"});
  auto agent = agent_on("policy-a");
  expect_refused(agent.ask({"get", "secret", "policy", "-n", "policy-test"}), "forbidden");
  expect_refused(agent.ask({"get", "secret", "policy", "-n", "gkm-system"}), "forbidden");
  // Also where there is none, now.
  expect_refused(agent.ask({"get", "secret", "gkm-webhook-certificates", "-n", "gkm-system"}),
                 "forbidden");
  expect_refused(agent.ask({"get", "secrets", "-A"}), "forbidden");
  expect_refused(agent.ask({"get", "secrets", "-n", "gkm-pull-secrets"}), "forbidden");
  expect_refused(agent.ask({"get", "configmaps", "-n", "gkm-system"}), "forbidden");
  EXPECT_TRUE(agent.ask({"get", "secret", "policy", "-n", "gkm-pull-secrets"}).ok());
  expect_refused(agent.ask({"delete", "secret", "policy", "-n", "gkm-pull-secrets"}), "forbidden");
}

TEST_F(policy, the_operator_writes_copies_of_pull_secrets_and_its_certificates) {
  admin().run({"create", "secret", "generic", "own", "-n", "policy-test", "--from-literal=a=b"});
  auto op = gkm_operator();
  EXPECT_TRUE(op.ask({"get", "secret", "own", "-n", "policy-test"}).ok());
  expect_refused(op.ask({"get", "secrets", "-n", "policy-test"}), "forbidden");
  expect_refused(op.ask({"get", "secrets", "-n", "gkm-system"}), "forbidden");
  auto can = [&](const std::string& verb, const std::string& what, const std::string& ns) {
    return op.ask({"auth", "can-i", verb, what, "-n", ns}).ok();
  };
  for (const auto* verb : {"list", "create", "patch", "delete"})
    EXPECT_TRUE(can(verb, "secrets", "gkm-pull-secrets")) << verb;
  for (const auto* verb : {"list", "watch", "patch", "update", "delete"})
    EXPECT_FALSE(can(verb, "secrets", "gkm-system")) << verb;
  EXPECT_TRUE(can("update", "secrets/gkm-webhook-certificates", "gkm-system"));
  EXPECT_TRUE(can("patch", "daemonsets.apps/gkm-agent", "gkm-system"));
  EXPECT_FALSE(can("patch", "daemonsets.apps", "gkm-system"));
  EXPECT_FALSE(can("patch", "daemonsets.apps/gkm-agent", "policy-test"));
  EXPECT_FALSE(can("get", "pods", "gkm-system"));
}

TEST_F(policy, agents_change_neither_caches_nor_nodes_nor_pods) {
  admin().apply(cache("kept", "a/b:c"));
  auto agent = agent_on("policy-a");
  expect_refused(agent.ask({"delete", "gkmcache", "kept", "-n", "policy-test"}), "forbidden");
  expect_refused(agent.ask({"label", "node", "policy-a", "x=y"}), "forbidden");
  expect_refused(agent.ask({"get", "pods", "-n", "gkm-system"}), "forbidden");
  EXPECT_TRUE(agent.ask({"get", "gkmcaches", "-A"}).ok());
}

TEST_F(policy, gkm_csi_may_do_nothing) {
  auto csi = server().as("gkm-csi", pod_token(server(), {"policy-a", "gkm-csi"}));
  expect_refused(csi.ask({"get", "gkmcaches", "-A"}), "forbidden");
  expect_refused(csi.ask({"get", "secrets", "-n", "gkm-system"}), "forbidden");
  EXPECT_EQ(admin().field({"daemonset/gkm-csi-node", "-n", "gkm-system"},
                          "{.spec.template.spec.automountServiceAccountToken}"),
            "false");
}

TEST_F(policy, a_user_who_may_view_sees_caches_and_reports) {
  bind("gkm-view", "viewer");
  auto viewer = server().as_user("viewer");
  EXPECT_TRUE(viewer.ask({"get", "gkmcaches,gkmcachenodes", "-n", "policy-test"}).ok());
  expect_refused(viewer.ask_with_file({"create", "-f"}, cache("viewed", "a/b:c")), "forbidden");
}

}  // namespace
}  // namespace gkm::support
