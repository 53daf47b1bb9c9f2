// The real gkm-operator against a real API server; the test says what agents would.
#include "base/base64.hpp"
#include "base/sealing.hpp"
#include "messages/pull_secret.hpp"
#include "tests/support/kube/operator_program.hpp"
#include "tests/support/kube/reporting_agent.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <thread>
#include <utility>

namespace gkm::support {
namespace {

using ::testing::HasSubstr;

const std::string digest_a = "sha256:" + std::string(64, 'a');
const std::string digest_b = "sha256:" + std::string(64, 'b');

class gkm_operator : public deployed_test {
protected:
  static std::string cache(const std::string& ns, const std::string& digest,
                           const std::string& more = "") {
    // Pinned as the webhook would have: no registry is asked here.
    return "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: c, namespace: " + ns +
           ", annotations: {gkm.io/resolvedDigest: '" + digest +
           "'}}, spec: {image: 'quay.io/gkm/x@" + digest + "', nodeSelector: {in: " + ns + "}" +
           more + "}}";
  }
  static std::string field(const kubectl& by, const std::string& ns, const std::string& path) {
    return by.ask({"get", "gkmcache", "c", "-n", ns, "-o", "jsonpath=" + path}).out;
  }
  static std::string field(const std::string& ns, const std::string& path) {
    return field(admin(), ns, path);
  }
  static bool becomes(const std::string& ns, const std::string& path, const std::string& value) {
    auto is_so = eventually(path + " is '" + value + "'", [&] { return field(ns, path) == value; });
    if (!is_so) ADD_FAILURE() << field(ns, "{.status}");
    return is_so;
  }
  static bool is_gone(const std::string& ns) {
    return eventually("the cache is gone", [&] {
      return admin().ask({"get", "gkmcache", "c", "-n", ns, "--ignore-not-found"}).out.empty();
    });
  }
  static constexpr auto reason = R"({.status.conditions[?(@.type=="Ready")].reason})";
  static constexpr auto message = R"({.status.conditions[?(@.type=="Ready")].message})";
};

TEST_F(gkm_operator, keeps_the_finalizers_of_others_however_many) {
  const std::string ns = "op-finalizers";
  make_namespace(server(), ns);
  std::string others;
  for (int i = 0; i < 100; ++i) others += "example.com/f" + std::to_string(i) + ",";
  auto crowded = cache(ns, digest_a);
  crowded.insert(crowded.find("annotations:"), "finalizers: [" + others + "gkm.io/in-use], ");
  admin().apply(crowded);
  auto before = field(ns, "{.metadata.finalizers}");
  operator_program op(server());
  ASSERT_TRUE(becomes(ns, "{.status.resolvedDigest}", digest_a));
  EXPECT_EQ(field(ns, "{.metadata.finalizers}"), before);
  admin().ask({"delete", "gkmcache", "c", "-n", ns, "--wait=false"});
  EXPECT_TRUE(eventually("only others hold it", [&] {
    auto now = field(ns, "{.metadata.finalizers}");
    return now.find("gkm.io/in-use") == now.npos && now.find("example.com/f99") != now.npos;
  }));
  admin().ask({"patch", "gkmcache", "c", "-n", ns, "--type=merge", "-p",
               R"({"metadata":{"finalizers":null}})"});
  EXPECT_TRUE(is_gone(ns));
}

TEST_F(gkm_operator, follows_a_cache_from_apply_to_deletion) {
  const std::string ns = "op-life";
  make_namespace(server(), ns);
  reporting_agent one(server(), "op-life-1", "in: " + ns);
  reporting_agent two(server(), "op-life-2", "in: " + ns);
  operator_program op(server());
  ASSERT_TRUE(eventually("it is ready", [&] { return !op.get("/readyz").empty(); }));
  ASSERT_TRUE(eventually("it leads", [&] { return op.metric("gkm_operator_leading") == 1; }));
  auto writes = [&] {
    return op.metric("gkm_operator_api_writes_total", R"(what="status")") +
           op.metric("gkm_operator_api_writes_total", R"(what="finalizer")");
  };
  // The caches that other tests left are judged first.
  auto before = writes();
  ASSERT_TRUE(eventually("nothing else is written", [&] {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    auto last = std::exchange(before, writes());
    return last == before;
  }));

  admin().apply(cache(ns, digest_a));
  ASSERT_TRUE(becomes(ns, "{.status.resolvedDigest}", digest_a));
  EXPECT_EQ(field(ns, "{.status.resolvedImage}"), "quay.io/gkm/x@" + digest_a);
  EXPECT_EQ(field(ns, "{.metadata.finalizers}"), R"(["gkm.io/in-use"])");
  EXPECT_EQ(field(ns, reason), "Pending");
  one.say(ns, "c", digest_a, "Extracted");
  two.say(ns, "c", digest_a, "Extracted");
  ASSERT_TRUE(becomes(ns, reason, "Extracted"));
  EXPECT_LE(writes() - before, 4);
  EXPECT_EQ(field(ns, R"({.status.conditions[?(@.type=="Verified")].reason})"), "PolicyOff");
  EXPECT_EQ(field(ns, "{.status.counts.nodeNotInUseCnt}"), "2");
  EXPECT_EQ(field(ns, "{.status.observedGeneration}"), "1");

  one.say(ns, "c", digest_a, "Running", {"p"});
  ASSERT_TRUE(becomes(ns, "{.status.counts.podRunningCnt}", "1"));
  auto shown = admin().run({"get", "gkmcaches", "-n", ns});
  EXPECT_THAT(shown, HasSubstr("Running"));
  std::cout << shown;

  admin().apply(cache(ns, digest_b));
  ASSERT_TRUE(becomes(ns, reason, "Outdated"));
  EXPECT_EQ(field(ns, "{.status.resolvedDigest}"), digest_b);
  ASSERT_TRUE(becomes(ns, "{.status.counts.podOutdatedCnt}", "1"));

  admin().run({"delete", "gkmcache", "c", "-n", ns, "--wait=false"});
  ASSERT_TRUE(becomes(ns, message, "Deletion waits for pod p on op-life-1 to end"));
  two.release(ns, "c", digest_a);
  EXPECT_EQ(field(ns, reason), "Deleting");
  EXPECT_THAT(admin().run({"get", "gkmcaches", "-n", ns}), HasSubstr("Deleting"));
  one.release(ns, "c", digest_a);
  EXPECT_TRUE(is_gone(ns));
  EXPECT_EQ(op.metric("gkm_operator_api_writes_total", R"({outcome="not_found",what="finalizer"})"),
            0)
      << "nothing is written to what is gone";
  EXPECT_THAT(admin().run({"get", "events", "-n", ns}), HasSubstr("Resolved"));
  EXPECT_EQ(op.end(), 0) << op.process().err();
}

TEST_F(gkm_operator, one_of_two_leads_and_the_other_takes_over) {
  const std::string ns = "op-two";
  make_namespace(server(), ns);
  operator_program first(server(), "first");
  ASSERT_TRUE(eventually("it leads", [&] { return first.metric("gkm_operator_leading") == 1; }));
  operator_program second(server(), "second");
  ASSERT_TRUE(eventually("it is ready", [&] { return !second.get("/readyz").empty(); }));
  EXPECT_EQ(second.metric("gkm_operator_leading"), 0);
  admin().apply(cache(ns, digest_a));
  ASSERT_TRUE(becomes(ns, "{.status.resolvedDigest}", digest_a));
  auto version = field(ns, "{.metadata.resourceVersion}");

  EXPECT_EQ(first.end(), 0) << first.process().err();
  ASSERT_TRUE(
      eventually("it takes over", [&] { return second.metric("gkm_operator_leading") == 1; }));
  admin().apply(cache(ns, digest_b));
  ASSERT_TRUE(becomes(ns, "{.status.resolvedDigest}", digest_b));
  // What was right already, it did not write again: the finalizer, and the first status.
  EXPECT_EQ(second.metric("gkm_operator_api_writes_total", R"(what="finalizer")"), 0);
  admin().run({"delete", "gkmcache", "c", "-n", ns, "--wait=false"});
  EXPECT_TRUE(is_gone(ns));
}

TEST_F(gkm_operator, a_namespace_that_goes_is_not_held_up) {
  const std::string ns = "op-going";
  make_namespace(server(), ns);
  reporting_agent one(server(), "op-going-1", "in: " + ns);
  operator_program op(server());
  admin().apply(cache(ns, digest_a));
  one.say(ns, "c", digest_a, "Running", {"p"});
  ASSERT_TRUE(becomes(ns, "{.status.counts.podRunningCnt}", "1"));
  admin().run({"delete", "namespace", ns, "--wait=false"});
  // Its controller would delete what is in it.
  admin().run({"delete", "gkmcache", "c", "-n", ns, "--wait=false"});
  EXPECT_TRUE(is_gone(ns));
}

class sealed_copies : public gkm_operator {
protected:
  static std::string field(const std::string& ns, const std::string& path) {
    return admin()
        .ask({"get", "secret", pull_secret_copy(ns, "login"), "-n",
              pull_secret_namespace("gkm-system"), "-o", "jsonpath=" + path})
        .out;
  }
  /// What a node with this key reads in the copy of `ns`/login; empty: nothing.
  static std::string read(const std::string& ns, const std::string& node,
                          const std::string& private_key) {
    auto sealed = base::from_base64(field(ns, "{.data.sealed}"));
    return base::open_sealed(sealed.value_or(""), pull_secret_copy(ns, "login"), node, private_key)
        .value_or(std::string());
  }
  static void make_login(const std::string& ns) {
    make_namespace(server(), ns);
    admin().run({"create", "secret", "docker-registry", "login", "-n", ns,
                 "--docker-server=quay.io", "--docker-username=u", "--docker-password=p"});
  }
  std::string key_ = *base::make_private_key();
  std::string public_key_ = base::to_base64(*base::public_key_of(key_));
};

TEST_F(sealed_copies, are_there_as_long_as_a_cache_names_the_secret) {
  const std::string ns = "op-secret";
  make_login(ns);
  reporting_agent one(server(), "op-secret-a", "zone: a");
  one.publish_key(public_key_);
  reporting_agent two(server(), "op-secret-b", "zone: b");
  auto other_key = *base::make_private_key();
  two.publish_key(base::to_base64(*base::public_key_of(other_key)));
  operator_program op(server());
  admin().apply(
      cache(ns, digest_a, ", imagePullSecrets: [{name: login}], nodeSelector: {zone: a}"));
  ASSERT_TRUE(eventually("the node can read it", [&] {
    return read(ns, "op-secret-a", key_).find("quay.io") != std::string::npos;
  })) << op.process().err();
  EXPECT_EQ(read(ns, "op-secret-b", other_key), "");
  admin().run({"label", "node", "op-secret-b", "zone=a", "--overwrite"});
  EXPECT_TRUE(eventually("so can another that is to have it now",
                         [&] { return !read(ns, "op-secret-b", other_key).empty(); }));
  admin().run({"delete", "gkmcache", "c", "-n", ns, "--wait=false"});
  EXPECT_TRUE(eventually("the copy is gone", [&] { return field(ns, "{.type}").empty(); }));
}

TEST_F(sealed_copies, take_the_place_of_what_an_earlier_version_copied) {
  const std::string ns = "op-secret-type";
  make_login(ns);
  admin().apply("{apiVersion: v1, kind: Secret, metadata: {name: " + pull_secret_copy(ns, "login") +
                ", namespace: gkm-pull-secrets, labels: {gkm.io/pull-secret: \"true\"}}, type: "
                "kubernetes.io/dockerconfigjson, stringData: {.dockerconfigjson: '{}'}}");
  operator_program op(server());
  admin().apply(cache(ns, digest_a, ", imagePullSecrets: [{name: login}]"));
  EXPECT_TRUE(eventually("it is sealed", [&] { return field(ns, "{.type}") == pull_secret_type; }))
      << field(ns, "{.type}") << op.process().err();
  EXPECT_EQ(field(ns, "{.data.\\.dockerconfigjson}"), "");
  admin().run({"delete", "gkmcache", "c", "-n", ns, "--wait=false"});
}

TEST_F(gkm_operator, asks_nothing_while_nothing_changes) {
  operator_program op(server(), "idle", {"--no-leader-elect"});
  ASSERT_TRUE(eventually("it is ready", [&] { return !op.get("/readyz").empty(); }));
  // Of GKM's kinds, but for watches, which stay open.
  auto requests = [&] {
    std::istringstream lines(admin().run({"get", "--raw", "/metrics"}));
    double sum = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("apiserver_request_total{") &&
          line.find(R"(group="gkm.io")") != std::string::npos)
        sum += std::stod(line.substr(line.rfind(' ')));
    return sum;
  };
  std::this_thread::sleep_for(std::chrono::seconds(2));
  auto before = requests();
  auto cpu = op.metric("gkm_process_cpu_seconds");
  constexpr auto idle_for = std::chrono::seconds(5);
  std::this_thread::sleep_for(idle_for);
  EXPECT_EQ(requests(), before);
  std::cout << "idle: " << op.metric("gkm_process_resident_memory_bytes") / 1e6 << " MB, "
            << (op.metric("gkm_process_cpu_seconds") - cpu) / 5 * 100 << " % of a core\n";
}

class restarted_server : public cluster_test {};

TEST_F(restarted_server, an_operator_finds_its_way_back) {
  kube_server own(*find_kube_programs());
  deploy_gkm(own);
  make_namespace(own, "op-restart");
  operator_program op(own);
  ASSERT_TRUE(eventually("it leads", [&] { return op.metric("gkm_operator_leading") == 1; }));
  own.stop();
  own.start();
  own.admin().apply(
      "{apiVersion: gkm.io/v1alpha1, kind: ClusterGKMCache, metadata: {name: c, annotations: "
      "{gkm.io/resolvedDigest: '" +
      digest_a + "'}}, spec: {image: 'quay.io/gkm/x@" + digest_a + "'}}");
  EXPECT_TRUE(eventually(
      "it is judged",
      [&] {
        return own.admin()
                   .ask({"get", "clustergkmcache", "c", "-o", "jsonpath={.status.resolvedDigest}"})
                   .out == digest_a;
      },
      std::chrono::seconds(60)));
  EXPECT_EQ(op.end(), 0);
}

}  // namespace
}  // namespace gkm::support
