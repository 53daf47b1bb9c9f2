// `kubectl gkm status`: the real plugin, found and run by the real kubectl.
#include "messages/json/json.hpp"
#include "tests/support/kube/operator_program.hpp"
#include "tests/support/kube/reporting_agent.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>

namespace gkm::support {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using words = std::vector<std::string>;

const std::string digest_a = "sha256:" + std::string(64, 'a');

class plugin_user : public kubectl {
public:
  explicit plugin_user(std::filesystem::path kubeconfig)
      : plugin_user(std::move(kubeconfig), std::make_shared<temp_dir>()) {}

  kubectl_answer status(words arguments = {}) const {
    arguments.insert(arguments.begin(), {"gkm", "status"});
    return ask(arguments);
  }

private:
  plugin_user(std::filesystem::path kubeconfig, std::shared_ptr<temp_dir> folder)
      : kubectl(find_kube_programs()->kubectl, std::move(kubeconfig), folder->path()),
        folder_(std::move(folder)) {}

  std::shared_ptr<temp_dir> folder_;
};

class kubectl_gkm : public deployed_test {
protected:
  static plugin_user user(const kubectl& as) { return plugin_user(as.kubeconfig()); }

  static std::string cache(const std::string& kind, const std::string& ns,
                           const std::string& name) {
    return "{apiVersion: gkm.io/v1alpha1, kind: " + kind + ", metadata: {name: " + name +
           (ns.empty() ? "" : ", namespace: " + ns) + ", labels: {of: " + name +
           "}, annotations: {gkm.io/resolvedDigest: '" + digest_a +
           "'}}, spec: {image: 'quay.io/gkm/x@" + digest_a +
           "', nodeSelector: {in: " + (ns.empty() ? name : ns) + "}}}";
  }
  static bool is_ready_with(const std::string& ns, const std::string& reason) {
    return eventually("Ready is " + reason, [&] {
      return admin().field({"gkmcache", "c", "-n", ns},
                           R"({.status.conditions[?(@.type=="Ready")].reason})") == reason;
    });
  }
  static void bind(const std::string& kind, const std::string& user, const std::string& ns) {
    admin().apply("{apiVersion: rbac.authorization.k8s.io/v1, kind: " + kind +
                  ", metadata: {name: " + user + (ns.empty() ? "" : ", namespace: " + ns) +
                  "}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "
                  "gkm-view}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: " +
                  user + "}]}");
  }
};

size_t count_of(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST_F(kubectl_gkm, shows_caches_nodes_and_pods) {
  const std::string ns = "status-all";
  make_namespace(server(), ns);
  reporting_agent one(server(), "status-all-1", "in: " + ns);
  reporting_agent two(server(), "status-all-2", "in: " + ns);
  operator_program op(server());
  admin().apply(cache("GKMCache", ns, "c"));
  admin().apply(cache("ClusterGKMCache", "", "status-all"));
  one.say(ns, "c", digest_a, "Running", {"p"});
  two.say(ns, "c", digest_a, "Error", {}, "the registry wants credentials\\u001b[2J");
  ASSERT_TRUE(is_ready_with(ns, "Error"));

  auto someone = user(admin());
  auto table = someone.status({"-n", ns});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_EQ(table.err, "");
  EXPECT_THAT(table.out, HasSubstr("1 of 2 ready"));
  EXPECT_THAT(table.out, HasSubstr("status-all-1   Running   aaaaaaaaaaaa   1/1    p "));
  EXPECT_THAT(table.out, HasSubstr("the registry wants credentials?[2J"));
  EXPECT_THAT(table.out, HasSubstr("(cluster)    status-all   0 of 2 ready"));
  std::cout << table.out;

  EXPECT_EQ(someone.status({"-A"}).code, 0);
  EXPECT_THAT(someone.status({"-n", ns, "-l", "of=c"}).out, Not(HasSubstr("(cluster)")));
  EXPECT_EQ(someone.status({"-n", ns, "-l", "%&"}).code, 2);
  EXPECT_THAT(someone.status({"-n", ns, "-o", "wide"}).out, HasSubstr("1 MI250X"));

  auto details = someone.status({ns + "/c", "--context", "test"});
  EXPECT_EQ(details.code, 0) << details.err;
  EXPECT_THAT(details.out, HasSubstr("Node status-all-2: Error"));
  EXPECT_THAT(details.out, HasSubstr(digest_a));
  std::cout << details.out;

  auto json = someone.status({"-n", ns, "c", "-o", "json"});
  auto document = json::parse(json.out);
  ASSERT_TRUE(document) << json.out << json.err;
  const auto& nodes = (*document)["caches"][0]["onNodes"];
  ASSERT_EQ(nodes.Size(), 2);
  EXPECT_STREQ(nodes[0]["digests"][0]["pods"][0]["name"].GetString(), "p");
  EXPECT_STREQ(nodes[1]["state"].GetString(), "Error");
  // While the operator still runs, which lets it go.
  admin().run({"delete", "clustergkmcache", "status-all"});
}

TEST_F(kubectl_gkm, is_waited_for_by_gkm_wait) {
  const std::string ns = "status-wait";
  make_namespace(server(), ns);
  reporting_agent one(server(), "status-wait-1", "in: " + ns);
  operator_program op(server());
  admin().apply(cache("GKMCache", ns, "c"));
  workbench bench;
  const auto wait = [&](const std::string& name, const std::string& time) {
    return bench.start({"wait", name, "--kubeconfig", admin().kubeconfig(), "--timeout", time});
  };
  auto early = wait(ns + "/c", "1s");
  EXPECT_EQ(early.wait(), 5);
  EXPECT_THAT(early.err(), HasSubstr("was not ready within 1s"));
  auto absent = wait(ns + "/absent", "0s");
  EXPECT_EQ(absent.wait(), 3) << absent.err();
  auto waiting = wait(ns + "/c", "60s");
  one.say(ns, "c", digest_a, "Extracted");
  EXPECT_EQ(waiting.wait(), 0) << waiting.err();
  EXPECT_THAT(waiting.out(), HasSubstr("is Extracted"));
}

TEST_F(kubectl_gkm, follows_what_changes) {
  const std::string ns = "status-watch";
  make_namespace(server(), ns);
  reporting_agent one(server(), "status-watch-1", "in: " + ns);
  reporting_agent two(server(), "status-watch-2", "in: " + ns);
  admin().apply(cache("GKMCache", ns, "c"));
  one.say(ns, "c", digest_a, "Extracted");
  two.say(ns, "c", digest_a, "Extracted");
  auto someone = user(admin());
  auto watch = someone.start({"gkm", "status", "-n", ns, "-w"});
  ASSERT_TRUE(
      eventually("it shows what there is", [&] { return count_of(watch.out(), "Extracted") == 2; }))
      << watch.out() << watch.err();
  one.say(ns, "c", digest_a, "Running", {"p"});
  ASSERT_TRUE(eventually("it shows the change", [&] {
    return count_of(watch.out(), "status-watch-1   Running") == 1;
  })) << watch.out();
  EXPECT_EQ(count_of(watch.out(), "NAMESPACE"), 1);
  EXPECT_EQ(count_of(watch.out(), "status-watch-2"), 1);
  one.release(ns, "c", digest_a);
  admin().run({"delete", "gkmcache", "c", "-n", ns, "--wait=false"});
  EXPECT_TRUE(eventually("it shows the end", [&] { return count_of(watch.out(), "Gone") >= 1; }))
      << watch.out();
  EXPECT_TRUE(watch.is_running()) << watch.err();
  std::cout << watch.out();
}

TEST_F(kubectl_gkm, shows_a_viewer_what_he_may_see_and_says_what_not) {
  const std::string ns = "status-viewer";
  make_namespace(server(), ns);
  admin().apply(cache("GKMCache", ns, "c"));
  admin().apply(cache("ClusterGKMCache", "", "status-viewer"));
  bind("RoleBinding", "status-viewer", ns);
  auto viewer = user(server().as_user("status-viewer"));
  auto own = viewer.status({"-n", ns});
  EXPECT_EQ(own.code, 0) << own.err;
  EXPECT_THAT(own.out, HasSubstr(ns + "   c "));
  EXPECT_THAT(own.err, HasSubstr("ClusterGKMCaches are not shown"));
  for (const auto& flags : {words{}, words{"-A"}}) {
    auto others = viewer.status(flags);
    EXPECT_EQ(others.code, 4) << others.err;
    EXPECT_THAT(others.err, HasSubstr("'gkm-view'"));
  }
  auto none = viewer.status({"-n", ns, "other"});
  EXPECT_EQ(none.code, 3) << none.err;
  EXPECT_THAT(none.err, HasSubstr("'other'"));

  bind("ClusterRoleBinding", "status-viewer", "");
  ASSERT_TRUE(eventually("he may see all", [&] { return viewer.status({"-A"}).code == 0; }));
  auto all = viewer.status({"-A"});
  EXPECT_EQ(all.err, "");
  EXPECT_THAT(all.out, HasSubstr("(cluster)"));
  admin().run({"delete", "clustergkmcache", "status-viewer", "--wait=false"});
}

TEST_F(kubectl_gkm, completes_its_words) {
  auto someone = user(admin());
  EXPECT_THAT(someone.ask({"__complete", "gkm", ""}).out, HasSubstr("status\t"));
  EXPECT_THAT(someone.ask({"__complete", "gkm", "status", "--name"}).out,
              HasSubstr("--namespace\n"));
}

TEST_F(kubectl_gkm, names_what_is_missing) {
  temp_dir folder;
  auto nowhere = plugin_user(folder.path() / "none").status();
  EXPECT_EQ(nowhere.code, 3);
  EXPECT_THAT(nowhere.err, HasSubstr("kubeconfig"));
  auto dead = folder.path() / "dead";
  reserved_port port;
  write_whole(dead,
              "{current-context: a, contexts: [{name: a, context: {cluster: a}}], "
              "clusters: [{name: a, cluster: {server: 'https://127.0.0.1:" +
                  std::to_string(port.number()) + "'}}]}");
  auto unreachable = plugin_user(dead).status();
  EXPECT_EQ(unreachable.code, 5);
  EXPECT_THAT(unreachable.err, HasSubstr("Cannot reach the API server 'https://127.0.0.1:"));
  EXPECT_THAT(unreachable.err, HasSubstr("--context"));
}

class bare_server : public cluster_test {};

TEST_F(bare_server, is_told_from_one_where_gkm_is_installed) {
  kube_server own(*find_kube_programs());
  auto said = plugin_user(own.admin().kubeconfig()).status();
  EXPECT_EQ(said.code, 3) << said.err;
  EXPECT_THAT(said.err, HasSubstr("make deploy"));
}

}  // namespace
}  // namespace gkm::support
