// `make deploy` to `make undeploy-examples`: scripts/deploy on a real API server of the test's own.
#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/deployment.hpp"
#include "tests/support/kube_identities.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <optional>
#include <sstream>
#include <thread>

namespace gkm::support {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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

  std::string script(const std::string& what) {
    return run_program({(source_tree() / "scripts/deploy").string(), what}, folder_.path(),
                       {{"KUBECTL", find_kube_programs()->kubectl},
                        {"KUBECONFIG", own().kubeconfig()},
                        {"HOME", folder_.path()}});
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
