// `make deploy` to `make undeploy-examples`: scripts/deploy on a real API server of the test's own.
#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>
#include <sstream>
#include <thread>

namespace gkm::support {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Lets deleted namespaces go once no cache is in them: no controller does, here.
class namespace_controller {
public:
  explicit namespace_controller(const kubectl& admin)
      : thread_([this, &admin] {
          while (!ending_) {
            finalize(admin);
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
          }
        }) {}
  ~namespace_controller() {
    ending_ = true;
    thread_.join();
  }

private:
  static void finalize(const kubectl& admin) {
    std::istringstream names(
        admin
            .ask({"get", "namespaces", "--field-selector", "status.phase=Terminating", "-o",
                  "jsonpath={.items[*].metadata.name}"})
            .out);
    for (std::string name; names >> name;) {
      auto caches = admin.ask({"get", "gkmcaches", "-n", name, "-o", "name"});
      if (caches.ok() && !caches.out.empty()) continue;
      admin.ask_with_file({"replace", "--raw", "/api/v1/namespaces/" + name + "/finalize", "-f"},
                          R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + name +
                              R"("},"spec":{"finalizers":[]}})");
    }
  }

  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

/// A server where nothing is deployed, and what the script says there.
class deploy : public cluster_test {
protected:
  void SetUp() override {
    cluster_test::SetUp();
    if (IsSkipped()) return;
    own_.emplace(*find_kube_programs());
  }
  const kubectl& own() const { return own_->admin(); }

  kubectl_answer ask(std::vector<std::string> words) {
    words.insert(words.begin(), (source_tree() / "scripts/deploy").string());
    auto environment = basic_environment();
    environment["KUBECTL"] = find_kube_programs()->kubectl;
    environment["KUBECONFIG"] = own().kubeconfig();
    environment["HOME"] = folder_.path();
    child_process child({words, environment, folder_.path()});
    auto code = child.wait();
    return {code, child.out(), child.err()};
  }
  std::string script(const std::string& what, const std::string& flag = "") {
    std::vector words{what};
    if (!flag.empty()) words.push_back(flag);
    auto answer = ask(words);
    EXPECT_TRUE(answer.ok()) << answer.out << answer.err;
    return answer.out;
  }

  /// GKM, a cache in `team`, and a pod on a node that has it.
  void deploy_with_a_pod() {
    script("apply");
    remove_webhooks(*own_);
    make_namespace(*own_, "team");
    own().apply(
        "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: c, namespace: team, "
        "finalizers: [gkm.io/in-use]}, spec: {image: 'a/b:c'}}");
    own().apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: train, namespace: team}, spec: "
        "{nodeName: gpu-1, terminationGracePeriodSeconds: 0, containers: [{name: c, image: x}], "
        "volumes: [{name: k, csi: {driver: csi.gkm.io, volumeAttributes: "
        "{csi.gkm.io/GKMCache: c, csi.gkm.io/namespace: team}}}]}}");
  }
  /// As its controller would say.
  void say_operator_is_ready() {
    own().run({"patch", "deployment", "gkm-operator", "-n", "gkm-system", "--subresource=status",
               "--type=merge", "-p", R"({"status":{"replicas":1,"readyReplicas":1}})"});
  }
  bool there(const std::vector<std::string>& what) const {
    auto words = what;
    words.insert(words.begin(), "get");
    return own().ask(words).ok();
  }
  /// With the namespaces' accounts, which a controller would make.
  std::string apply_examples() {
    for (const auto* name : {"gkm-test-ns-scoped-1", "gkm-test-ns-scoped-2", "gkm-test-cl-scoped"})
      make_namespace(*own_, name);
    return script("apply-examples");
  }
  /// As the operator would, before it was gone.
  void hold_caches() {
    for (const auto* kind : {"gkmcache", "clustergkmcache"}) {
      std::istringstream caches(own().run({"get", kind, "-A", "-o",
                                           "jsonpath={range .items[*]}{.metadata.name}/"
                                           "{.metadata.namespace}{\"\\n\"}{end}"}));
      for (std::string cache; std::getline(caches, cache);) {
        auto slash = cache.find('/');
        std::vector<std::string> patch{
            "patch",        kind, cache.substr(0, slash),
            "--type=merge", "-p", R"({"metadata":{"finalizers":["gkm.io/in-use"]}})"};
        if (slash + 1 < cache.size()) patch.insert(patch.end(), {"-n", cache.substr(slash + 1)});
        own().run(patch);
      }
    }
  }
  /// All that is GKM's, and what the API server says of each in this form.
  std::string all(const std::string& form) const {
    return own().run(
        {"get",
         "crd,clusterrole,clusterrolebinding,csidriver,validatingadmissionpolicy,"
         "validatingadmissionpolicybinding,mutatingwebhookconfiguration,"
         "validatingwebhookconfiguration,namespace,deployment,daemonset,service,role,rolebinding,"
         "serviceaccount,configmap,networkpolicy,poddisruptionbudget",
         "-A", "-l", "app.kubernetes.io/part-of=gkm", "-o", form});
  }
  std::string left() const { return all("name"); }

  temp_dir folder_;
  std::optional<kube_server> own_;
};

TEST_F(deploy, applies_all_of_it_once_and_the_examples_unchanged) {
  EXPECT_THAT(script("apply"), HasSubstr("deployment.apps/gkm-operator created"));
  // The API server's own controllers are done with the kinds by then.
  for (const auto* kind :
       {"gkmcaches", "clustergkmcaches", "gkmcachenodes", "clustergkmcachenodes"})
    own().run({"wait", "--for=condition=Established", "--timeout=30s",
               "crd/" + std::string(kind) + ".gkm.io"});
  const std::string versions =
      "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} "
      "{.metadata.resourceVersion}{\"\\n\"}{end}";
  auto before = all(versions);
  script("apply");
  EXPECT_EQ(all(versions), before);

  // No operator answers here; and pods need the account that a controller would make.
  remove_webhooks(*own_);
  EXPECT_THAT(apply_examples(),
              AllOf(HasSubstr("clustergkmcache.gkm.io/vector-add-cache-rocm-cl-1 created"),
                    HasSubstr("gkmcache.gkm.io/vector-add-cache-rocm-1 created"),
                    HasSubstr("pod/gkm-test-pod-3 created")));
}

TEST_F(deploy, leaves_nothing_behind_though_the_operator_is_gone) {
  script("apply");
  remove_webhooks(*own_);
  apply_examples();
  hold_caches();
  EXPECT_NE(left(), "");
  namespace_controller let_go(own());
  EXPECT_THAT(script("delete"), HasSubstr("No operator is ready"));
  EXPECT_EQ(left(), "");
  EXPECT_FALSE(own().ask({"get", "gkmcaches", "-A"}).ok()) << "their kind is gone";
  script("delete");
  EXPECT_EQ(left(), "");
}

TEST_F(deploy, removes_examples_with_and_without_gkm) {
  script("apply");
  remove_webhooks(*own_);
  apply_examples();
  hold_caches();
  auto examples = [&] {
    return own().run({"get", "namespaces,pods", "-A", "-o", "name"}).find("gkm-test") !=
           std::string::npos;
  };
  EXPECT_TRUE(examples());
  namespace_controller let_go(own());
  script("delete-examples");
  EXPECT_FALSE(examples());
  EXPECT_EQ(own().run({"get", "gkmcaches,clustergkmcaches", "-A", "-o", "name"}), "");
  apply_examples();
  script("delete");
  script("delete-examples");
  EXPECT_FALSE(examples());
}

TEST_F(deploy, pods_that_have_a_cache_keep_it_and_what_they_need_in_order_to_end) {
  deploy_with_a_pod();
  say_operator_is_ready();
  namespace_controller let_go(own());
  auto said = script("delete");
  EXPECT_THAT(said, AllOf(HasSubstr("team/train on node gpu-1"), HasSubstr("undeploy-force")));
  EXPECT_TRUE(there({"pod", "train", "-n", "team"}));
  EXPECT_FALSE(there({"crd", "gkmcaches.gkm.io"}));
  EXPECT_FALSE(there({"daemonset", "gkm-agent", "-n", "gkm-system"}));
  EXPECT_FALSE(there({"deployment", "gkm-operator", "-n", "gkm-system"}));
  EXPECT_TRUE(there({"daemonset", "gkm-csi-node", "-n", "gkm-system"}));
  EXPECT_TRUE(there({"csidriver", "csi.gkm.io"}));
  own().run({"delete", "pod", "train", "-n", "team"});
  EXPECT_THAT(script("delete"), HasSubstr("What stays on each node"));
  EXPECT_EQ(left(), "");
}

TEST_F(deploy, force_removes_the_pods_too) {
  deploy_with_a_pod();
  namespace_controller let_go(own());
  EXPECT_THAT(script("delete", "--force"), HasSubstr("pod \"train\""));
  EXPECT_FALSE(there({"pod", "train", "-n", "team"}));
  EXPECT_EQ(left(), "");
}

TEST_F(deploy, changes_nothing_where_deletion_cannot_end_well) {
  deploy_with_a_pod();
  auto untouched = [&] {
    return own().field({"gkmcache", "c", "-n", "team"}, "{.metadata.deletionTimestamp}").empty() &&
           there({"daemonset", "gkm-agent", "-n", "gkm-system"});
  };
  auto purge = ask({"delete", "--purge"});
  EXPECT_FALSE(purge.ok());
  EXPECT_THAT(purge.out, HasSubstr("team/train on node gpu-1"));
  EXPECT_THAT(purge.err, HasSubstr("Nothing was changed"));
  EXPECT_TRUE(untouched());

  say_operator_is_ready();
  own().apply("{apiVersion: v1, kind: Node, metadata: {name: gpu-2}}");
  own().run({"patch", "node", "gpu-2", "--subresource=status", "--type=merge", "-p",
             R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})"});
  own().apply(
      "{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: gkm-system, labels: "
      "{app.kubernetes.io/name: gkm-agent}}, spec: {serviceAccountName: gkm-agent, "
      "nodeName: gpu-2, containers: [{name: c, image: x}]}}");
  own().run({"patch", "pod", "agent", "-n", "gkm-system", "--subresource=status", "--type=merge",
             "-p", R"({"status":{"conditions":[{"type":"Ready","status":"False"}]}})"});
  auto plain = ask({"delete"});
  EXPECT_FALSE(plain.ok());
  EXPECT_THAT(plain.err, AllOf(HasSubstr("gkm-agent is not ready on gpu-2"),
                               HasSubstr("nothing was changed")));
  EXPECT_TRUE(untouched());
}

TEST_F(deploy, purges_nodes_and_says_what_it_waits_for) {
  script("apply");
  remove_webhooks(*own_);
  namespace_controller let_go(own());
  std::thread controller([&] {
    EXPECT_TRUE(eventually("nodes are to be purged", [&] {
      return there({"daemonset", "gkm-purge", "-n", "gkm-system"});
    }));
    for (const auto* ready : {"1", "2"})
      own().run({"patch", "daemonset", "gkm-purge", "-n", "gkm-system", "--subresource=status",
                 "--type=merge", "-p",
                 std::string(R"({"status":{"observedGeneration":1,"currentNumberScheduled":2,)") +
                     R"("desiredNumberScheduled":2,"numberMisscheduled":0,"numberReady":)" + ready +
                     "}}"}),
          std::this_thread::sleep_for(std::chrono::seconds(2));
  });
  auto said = script("delete", "--purge");
  controller.join();
  EXPECT_THAT(said, HasSubstr("1 of 2 nodes"));
  EXPECT_THAT(said, Not(HasSubstr("What stays")));
  EXPECT_EQ(left(), "");
}

TEST_F(deploy, applies_the_examples_that_it_can_and_says_so_of_the_others) {
  script("apply");
  for (const auto* name : {"gkm-test-ns-scoped-1", "gkm-test-ns-scoped-2", "gkm-test-cl-scoped"})
    make_namespace(*own_, name);
  // The operator's webhook denies what its registry does not know; here nobody answers it at all.
  auto said = ask({"apply-examples"});
  EXPECT_FALSE(said.ok());
  EXPECT_THAT(said.err, AllOf(HasSubstr("examples/namespace"), HasSubstr("examples/cluster"),
                              HasSubstr("the rest was")));
  EXPECT_THAT(said.out, HasSubstr("pod/gkm-test-pod-1 created"));
}

TEST_F(deploy, takes_no_finalizer_but_gkms_own) {
  script("apply");
  remove_webhooks(*own_);
  make_namespace(*own_, "team");
  own().apply(
      "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: c, namespace: team, "
      "finalizers: [a.example/x, gkm.io/in-use]}, spec: {image: 'a/b:c'}}");
  namespace_controller let_go(own());
  std::thread other([&] {
    // Whoever that is lets go when he sees that GKM has.
    eventually("GKM's finalizer is gone", [&] {
      return own()
                 .ask({"get", "gkmcache", "c", "-n", "team", "-o",
                       "jsonpath={.metadata.finalizers}"})
                 .out == R"(["a.example/x"])";
    });
    own().ask({"patch", "gkmcache", "c", "-n", "team", "--type=merge", "-p",
               R"({"metadata":{"finalizers":null}})"});
  });
  script("delete");
  other.join();
  EXPECT_EQ(left(), "");
}

}  // namespace
}  // namespace gkm::support
