// gkm-agent against a real API server: what it makes of caches, and what it says of them.
#include "agent_fixture.hpp"
#include "base/base64.hpp"
#include "base/files.hpp"
#include "base/sealing.hpp"
#include "base/sha256.hpp"
#include "messages/pull_secret.hpp"
#include "messages/volume.hpp"
#include "tests/support/kube/operator_program.hpp"

#include <atomic>

namespace gkm::support {
namespace {

using ::testing::HasSubstr;

/// A volume, as gkm-csi records it when it is mounted.
void record_volume(const agent_node& on, const cache_ref& ref, const std::string& manifest,
                   const std::string& pod, std::vector<volume_note> notes = {}) {
  volume_record r;
  r.volume_id = "csi-" + pod;
  r.phase = volume_phase::mounted;
  r.boot = *base::boot_id();
  r.target = "/var/lib/kubelet/pods/" + pod;
  r.ref = ref;
  r.manifest = *digest::parse(manifest);
  r.pod_ns = ref.ns.empty() ? "default" : ref.ns;
  r.pod_name = pod;
  r.pod_uid = "uid-" + pod;
  r.notes = std::move(notes);
  r.created_unix_s = ::time(nullptr);
  auto key = base::sha256::of(r.volume_id).hex;
  ASSERT_TRUE(base::write_file_atomically(on.where().volume(key), print_volume_record(r)));
}

void drop_volume(const agent_node& on, const std::string& pod) {
  std::filesystem::remove(on.where().volume(base::sha256::of("csi-" + pod).hex));
}

std::vector<std::string> pods_in(const agent_node& on, const cache_ref& ref, const std::string& d) {
  std::vector<std::string> pods;
  auto r = on.report(ref.ns);
  if (!r || !r->caches.contains(ref.name)) return pods;
  for (const auto& use : r->caches[ref.name][*digest::parse(d)].pods) pods.push_back(use.name);
  return pods;
}

}  // namespace

TEST_F(agent_test, says_at_once_that_it_runs_and_which_gpus_there_are) {
  agent_node node(server(), "agent-starts");
  start(node);
  ASSERT_TRUE(eventually("the node reports", [&] {
    auto r = node.report("");
    return r && !r->gpus.empty();
  }));
  EXPECT_EQ(node.report("")->gpus[0].ids.size(), 2u);
  auto get = [&](const std::string& path) {
    return admin().field({"clustergkmcachenode", node.name()}, path);
  };
  EXPECT_EQ(get("{.metadata.ownerReferences[0].kind}"), "Node");
  EXPECT_EQ(get("{.metadata.ownerReferences[0].uid}"),
            admin().field({"node", node.name()}, "{.metadata.uid}"));
  EXPECT_EQ(get(R"({.metadata.labels.kubernetes\.io/hostname})"), node.name());
  EXPECT_EQ(get("{.metadata.finalizers}"), "");
  EXPECT_THAT(node.process().err(), HasSubstr("No-GPU mode"));
  EXPECT_THAT(node.process().err(), HasSubstr("Files are "));
  EXPECT_EQ(node.end(), 0);
}

TEST_F(agent_test, extracts_what_was_judged_and_nothing_else) {
  agent_node node(server(), "agent-extracts");
  start(node);
  auto first = add_image("v1", 1'000);
  admin().apply(yaml(ref("a"), image(first.digest())));
  want(ref("b"), first);
  ASSERT_TRUE(node.wait_state(ref("b"), first.digest(), "Extracted"));
  EXPECT_EQ(node.state(ref("a"), first.digest()), "") << "nobody judged it";
  admit(ref("a"), first.digest());
  ASSERT_TRUE(node.wait_state(ref("a"), first.digest(), "Extracted"));
  auto r = *node.report(ns_);
  const auto& e = r.caches["b"][*digest::parse(first.digest())];
  EXPECT_EQ(e.compatible_gpus, (std::vector<int32_t>{0, 1}));
  EXPECT_GE(e.volume_bytes, 1'000u);
  EXPECT_EQ(r.counts.nodes_not_in_use, 1u);
  EXPECT_TRUE(std::filesystem::exists(node.where().stored(*digest::parse(first.digest()))));
}

TEST_F(agent_test, of_ten_caches_in_one_apply_none_stays_pending) {
  agent_node node(server(), "agent-ten");
  start(node);
  auto one = add_image("v1", 50'000);
  std::string all;
  for (int i = 0; i < 10; ++i) all += yaml(ref("c" + std::to_string(i)), image(one.digest()));
  admin().apply(all);
  for (int i = 0; i < 10; ++i) admit(ref("c" + std::to_string(i)), one.digest());
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(node.wait_state(ref("c" + std::to_string(i)), one.digest(), "Extracted")) << i;
  EXPECT_EQ(registry_.blob_requests(one.layer_digest()), 1u) << "pulled once, whoever asks";
}

TEST_F(agent_test, a_cluster_cache_is_reported_without_a_namespace) {
  agent_node node(server(), "agent-scope");
  start(node);
  auto one = add_image("v1", 2'000);
  cache_ref cluster{"", "agent-scope-cache"};
  want(cluster, one);
  EXPECT_TRUE(node.wait_state(cluster, one.digest(), "Extracted"));
  remove(cluster);
  EXPECT_TRUE(node.wait_state(cluster, one.digest(), ""));
  EXPECT_TRUE(node.report("")) << "it says that an agent runs there";
}

TEST_F(agent_test, a_misfit_says_which_gpus_and_why) {
  agent_node node(server(), "agent-misfit");
  start(node);
  auto other = add_image("v1", 1'000, 0x4c);
  want(ref("x"), other);
  ASSERT_TRUE(node.wait_state(ref("x"), other.digest(), "Error"));
  const auto e = node.report(ns_)->caches["x"][*digest::parse(other.digest())];
  EXPECT_EQ(e.conditions[0].reason, "Incompatible");
  ASSERT_EQ(e.incompatible_gpus.size(), 2u);
  EXPECT_THAT(e.incompatible_gpus[0].reason, HasSubstr("gfx942"));
}

TEST_F(agent_test, a_registry_that_a_setting_lists_is_asked_from_then_on) {
  agent_node node(server(), "agent-settings");
  auto config = node.folder() / "config";
  std::filesystem::create_directories(config);
  node.start({"--config-dir", config.string()});
  auto one = add_image("v1", 1'000);
  want(ref("x"), one);
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Error"));
  const auto e = node.report(ns_)->caches["x"][*digest::parse(one.digest())];
  EXPECT_THAT(e.conditions[0].message, HasSubstr("gkm-config as gkm.registry.plain-http"));
  write_whole(config / "gkm.registry.plain-http", registry_.server().authority());
  EXPECT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
}

TEST_F(agent_test, killed_in_mid_extraction_it_goes_on_after_the_next_start) {
  agent_node node(server(), "agent-killed");
  auto one = add_image("v1", 500'000);
  auto half = std::make_shared<gate>();
  std::atomic<bool> asked = false;
  registry_.interfere([&](const seen_request& r, const reply& honest) -> std::optional<reply> {
    if (r.target.find("/blobs/" + one.layer_digest()) == std::string::npos) return std::nullopt;
    asked = true;
    auto slow = honest;
    slow.wrong.hold_body = half;
    slow.wrong.hold_body_at = 100'000;
    return slow;
  });
  start(node);
  want(ref("x"), one);
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Pending"));
  ASSERT_TRUE(eventually("the layer is asked for", [&] { return asked.load(); }));
  node.kill();
  half->open();
  EXPECT_EQ(node.state(ref("x"), one.digest()), "Pending");
  start(node);
  EXPECT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
  EXPECT_TRUE(std::filesystem::is_empty(node.where().staging()));
}

TEST_F(agent_test, an_image_that_is_mounted_when_another_comes_stays_listed_as_outdated) {
  agent_node node(server(), "agent-outdated");
  start(node);
  auto first = add_image("v1", 1'000);
  auto second = add_image("v2", 2'000);
  want(ref("x"), first);
  ASSERT_TRUE(node.wait_state(ref("x"), first.digest(), "Extracted"));
  record_volume(node, ref("x"), first.digest(), "one");
  ASSERT_TRUE(node.wait_state(ref("x"), first.digest(), "Running"));
  want(ref("x"), second);
  ASSERT_TRUE(node.wait_state(ref("x"), second.digest(), "Extracted"));
  ASSERT_TRUE(node.wait_state(ref("x"), first.digest(), "Outdated"));
  EXPECT_EQ(pods_in(node, ref("x"), first.digest()), std::vector<std::string>{"one"});
  EXPECT_EQ(node.report(ns_)->counts.pods_outdated, 1u);
  node.kill();
  start(node);
  record_volume(node, ref("x"), second.digest(), "two");
  ASSERT_TRUE(node.wait_state(ref("x"), second.digest(), "Running"));
  EXPECT_EQ(node.state(ref("x"), first.digest()), "Outdated") << "a restart forgets no pod";
  drop_volume(node, "one");
  EXPECT_TRUE(node.wait_state(ref("x"), first.digest(), ""));
  EXPECT_TRUE(eventually("the old digest goes", [&] {
    return !std::filesystem::exists(node.where().stored(*digest::parse(first.digest())));
  }));
}

TEST_F(agent_test, deletes_what_nobody_wants_but_not_under_a_pod) {
  agent_node node(server(), "agent-deletes");
  start(node);
  auto one = add_image("v1", 3'000);
  want(ref("x"), one);
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
  record_volume(node, ref("x"), one.digest(), "pod");
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Running"));
  remove(ref("x"));
  ASSERT_TRUE(eventually("the catalog forgets it",
                         [&] { return !std::filesystem::exists(node.where().record(ref("x"))); }));
  EXPECT_EQ(node.state(ref("x"), one.digest()), "Running") << "a pod has it";
  EXPECT_TRUE(std::filesystem::exists(node.where().stored(*digest::parse(one.digest()))));
  drop_volume(node, "pod");
  EXPECT_TRUE(eventually("the report goes with its last entry", [&] { return !node.report(ns_); }));
  EXPECT_TRUE(eventually("the digest goes", [&] {
    return !std::filesystem::exists(node.where().stored(*digest::parse(one.digest())));
  }));
}

TEST_F(agent_test, a_node_selector_is_followed_when_labels_change) {
  agent_node node(server(), "agent-selects");
  start(node);
  auto one = add_image("v1", 4'000);
  want(ref("chosen"), one, ", nodeSelector: {gkm-test-node: 'true'}");
  want(ref("all"), one);
  ASSERT_TRUE(node.wait_state(ref("all"), one.digest(), "Extracted"));
  EXPECT_EQ(node.state(ref("chosen"), one.digest()), "");
  admin().run({"label", "node", node.name(), "gkm-test-node=true"});
  EXPECT_TRUE(node.wait_state(ref("chosen"), one.digest(), "Extracted"));
  admin().run({"label", "node", node.name(), "gkm-test-node-"});
  EXPECT_TRUE(node.wait_state(ref("chosen"), one.digest(), ""));
}

TEST_F(agent_test, repairs_reports_that_others_touch_and_removes_those_left_over) {
  agent_node node(server(), "agent-repairs");
  auto as_agent = server().as("left-over", pod_token(server(), {node.name(), "gkm-agent"}));
  as_agent.apply_at_server("{apiVersion: gkm.io/v1alpha1, kind: GKMCacheNode, metadata: {name: " +
                           node.name() + ", namespace: " + ns_ + "}}");
  start(node);
  EXPECT_TRUE(eventually("the report of an earlier life goes", [&] { return !node.report(ns_); }));
  auto one = add_image("v1", 5'000);
  want(ref("x"), one);
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
  admin().run({"delete", "gkmcachenode", node.name(), "-n", ns_});
  EXPECT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
  as_agent.run({"patch", "gkmcachenode", node.name(), "-n", ns_, "--subresource=status",
                "--type=merge", "-p", R"({"status":{"caches":null}})"});
  EXPECT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
}

TEST_F(agent_test, logs_in_with_the_copy_of_a_pull_secret_and_keeps_it_nowhere) {
  agent_node node(server(), "agent-logs-in");
  auto one = add_image("v1", 9'000);
  registry_.interfere([](const seen_request& r, const reply&) -> std::optional<reply> {
    if (r.header("authorization") == "Basic dXNlcjpzM2NyM3Q=") return std::nullopt;
    return reply{401, "who?", {{"WWW-Authenticate", "Basic realm=\"team\""}}};
  });
  start(node);
  want(ref("x"), one, ", imagePullSecrets: [{name: login}]");
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Error"));
  auto e = node.report(ns_)->caches["x"][*digest::parse(one.digest())];
  EXPECT_EQ(e.conditions[0].reason, "Unauthorized");
  EXPECT_THAT(e.conditions[0].message, HasSubstr("'" + ns_ + "/login' is missing"));
  auto copy = pull_secret_copy(ns_, "login");
  auto login = R"({"auths":{")" + registry_.server().authority() +
               R"(":{"username":"user","password":"s3cr3t"}}})";
  auto put_copy = [&](const std::string& key) {
    auto sealed = base::sealer::make()->seal(login, copy, {{node.name(), *base::from_base64(key)}});
    admin().apply("{apiVersion: v1, kind: Secret, metadata: {name: " + copy +
                  ", namespace: gkm-pull-secrets, annotations: {gkm.io/parts: \"1\"}}, type: " +
                  std::string(pull_secret_type) + ", data: {sealed: " + base::to_base64(*sealed) +
                  "}}");
  };
  // One that is not for this node helps nobody here, and says so.
  put_copy(base::to_base64(*base::public_key_of(*base::make_private_key())));
  ASSERT_TRUE(eventually("it says why", [&] {
    auto now = node.report(ns_)->caches["x"][*digest::parse(one.digest())];
    return now.conditions[0].message.find("does not open") != std::string::npos;
  }));
  put_copy(node.report("")->pull_secret_key);
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
  for (const auto& file : std::filesystem::recursive_directory_iterator(node.folder()))
    EXPECT_TRUE(!file.is_regular_file() ||
                read_whole(file.path()).find("s3cr3t") == std::string::npos)
        << file.path();
}

TEST_F(agent_test, a_pull_secret_that_is_copied_at_the_same_time_is_waited_for) {
  agent_node node(server(), "agent-waits");
  auto one = add_image("v1", 9'500);
  registry_.interfere([](const seen_request& r, const reply&) -> std::optional<reply> {
    if (r.header("authorization") == "Basic dXNlcjpzM2NyM3Q=") return std::nullopt;
    return reply{401, "who?", {{"WWW-Authenticate", "Basic realm=\"team\""}}};
  });
  start(node);
  operator_program op(server());
  ASSERT_TRUE(eventually("it leads", [&] { return op.metric("gkm_operator_leading") == 1; }));
  constexpr int caches = 8;
  std::string all;
  for (int i = 0; i < caches; ++i) {
    auto secret = "login-" + std::to_string(i);
    admin().run({"create", "secret", "docker-registry", secret, "-n", ns_,
                 "--docker-server=" + registry_.server().authority(), "--docker-username=user",
                 "--docker-password=s3cr3t"});
    all += "{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: c" + std::to_string(i) +
           ", namespace: " + ns_ + ", annotations: {gkm.io/resolvedDigest: '" + one.digest() +
           "'}}, spec: {image: '" + image(one.digest()) + "', imagePullSecrets: [{name: " + secret +
           "}]}}\n---\n";
  }
  admin().apply(all);
  for (int i = 0; i < caches; ++i)
    ASSERT_TRUE(node.wait_state(ref("c" + std::to_string(i)), one.digest(), "Extracted"));
  auto failure = "Cache failed cache=\"GKMCache " + ns_ + "/";  // others left theirs
  EXPECT_EQ(node.process().err().find(failure), std::string::npos) << node.process().err();
}

TEST_F(agent_test, does_not_ask_registries_on_the_node_itself) {
  agent_node node(server(), "agent-guards");
  node.start();
  auto one = add_image("v1", 1'500);
  want(ref("x"), one);
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Error"));
  EXPECT_EQ(node.report(ns_)->caches["x"][*digest::parse(one.digest())].conditions[0].reason,
            "Refused");
  EXPECT_TRUE(registry_.server().requests().empty());
}

TEST_F(agent_test, follows_its_log_level) {
  agent_node node(server(), "agent-levels");
  auto config = node.folder() / "config";
  std::filesystem::create_directory(config);
  write_whole(config / "gkm.agent.log.level", "info");
  node.start_at_level("", {"--config-dir", config});
  ASSERT_TRUE(eventually("it reports", [&] { return node.report("").has_value(); }));
  write_whole(config / "gkm.agent.log.level", "debug");
  EXPECT_TRUE(eventually("it says so", [&] {
    return node.process().err().find("Log level is set level=debug") != std::string::npos;
  }));
  EXPECT_EQ(node.end(), 0);
}

TEST_F(agent_test, is_not_sent_to_the_node_itself_for_a_token) {
  agent_node node(server(), "agent-token-realm");
  auto one = add_image("v1", 1'600);
  fault_server neighbour([](const seen_request&) { return reply{200, R"({"token":"t"})"}; });
  registry_.interfere([&](const seen_request&, const reply&) -> std::optional<reply> {
    return reply{
        401,
        "who?",
        {{"WWW-Authenticate", "Bearer realm=\"" + neighbour.url("/token") + "\",service=\"x\""}}};
  });
  start(node);
  want(ref("x"), one);
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Error"));
  EXPECT_TRUE(neighbour.requests().empty());
  EXPECT_EQ(node.report(ns_)->caches["x"][*digest::parse(one.digest())].conditions[0].reason,
            "Refused");
}

TEST_F(agent_test, reports_for_another_node_object_once_there_is_one) {
  agent_node node(server(), "agent-reborn");
  start(node);
  auto owner = [&] {
    return admin()
        .ask({"get", "clustergkmcachenode", node.name(), "-o",
              "jsonpath={.metadata.ownerReferences[0].uid}"})
        .out;
  };
  ASSERT_TRUE(eventually("the node reports", [&] { return !owner().empty(); }));
  admin().run({"delete", "node", node.name()});
  ASSERT_TRUE(eventually("it has heard", [&] {
    return node.process().err().find("Our Node object is gone") != std::string::npos;
  }));
  // As the garbage collector does with what has lost its owner.
  admin().run({"delete", "clustergkmcachenode", node.name()});
  make_node(server(), node.name());
  auto uid = admin().field({"node", node.name()}, "{.metadata.uid}");
  EXPECT_TRUE(eventually("it reports for the new one", [&] { return owner() == uid; })) << owner();
}

TEST_F(agent_test, tells_kubelet_and_prometheus_how_it_is) {
  agent_node node(server(), "agent-probed");
  std::filesystem::create_directories(node.where().run);
  write_whole(node.where().run / "csi-metrics", "gkm_csi_volumes 3\n");
  start(node);
  auto ask = [&](const std::string& path) {
    return run_program({"curl", "--silent", "--retry", "20", "--retry-connrefused",
                        "http://127.0.0.1:" + std::to_string(node.health_port()) + path},
                       node.folder());
  };
  EXPECT_EQ(ask("/healthz"), "ok\n");
  EXPECT_TRUE(eventually("it is ready", [&] { return ask("/readyz") == "ok\n"; }));
  auto one = add_image("v1", 1'700);
  want(ref("x"), one);
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
  auto metrics = ask("/metrics");
  EXPECT_THAT(metrics, HasSubstr("gkm_agent_gpus 2"));
  EXPECT_THAT(metrics, HasSubstr("gkm_agent_caches{state=\"Extracted\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("gkm_csi_volumes 3"));
}

TEST_F(agent_test, people_read_of_it_in_events) {
  agent_node node(server(), "agent-events");
  start(node);
  auto one = add_image("v1", 6'000);
  want(ref("x"), one);
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
  record_volume(node, ref("x"), one.digest(), "pod", {{"NotRelocated", "it may miss"}});
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Running"));
  drop_volume(node, "pod");
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
  remove(ref("x"));
  ASSERT_TRUE(eventually("the report goes", [&] { return !node.report(ns_); }));
  auto events = [&] {
    return admin().run({"get", "events.events.k8s.io", "-n", ns_, "-o",
                        "jsonpath={range .items[*]}{.regarding.kind}/{.regarding.name} {.reason} "
                        "{end}"});
  };
  for (const char* reason : {"Created", "CacheUsed", "CacheRelease", "Deleting"})
    EXPECT_TRUE(eventually(reason, [&] {
      return events().find("GKMCacheNode/agent-events " + std::string(reason)) != std::string::npos;
    }));
  EXPECT_TRUE(eventually("the pod's note", [&] {
    return events().find("Pod/pod NotRelocated") != std::string::npos;
  }));
}

TEST_F(agent_test, serves_while_the_api_server_is_away_and_catches_up_after) {
  kube_server own(*find_kube_programs());
  deploy_gkm(own);
  make_namespace(own, ns_);
  auto judged = own.as("gkm-operator", account_token(own, "gkm-system", "gkm-operator"));
  auto one = add_image("v1", 7'000);
  auto two = add_image("v2", 8'000);
  agent_node node(own, "agent-alone");
  start(node);
  own.admin().apply(yaml(ref("x"), image(one.digest())));
  admit_by(judged, ref("x"), one.digest());
  ASSERT_TRUE(node.wait_state(ref("x"), one.digest(), "Extracted"));
  own.stop();
  record_volume(node, ref("x"), one.digest(), "pod");
  node.kill();
  start(node);
  EXPECT_TRUE(
      eventually("it runs without the server", [&] { return node.process().is_running(); }));
  EXPECT_TRUE(std::filesystem::exists(node.where().record(ref("x"))));
  own.start();
  EXPECT_TRUE(node.wait_state(ref("x"), one.digest(), "Running"));
  own.admin().apply(yaml(ref("later"), image(two.digest())));
  admit_by(judged, ref("later"), two.digest());
  EXPECT_TRUE(node.wait_state(ref("later"), two.digest(), "Extracted"));
}

}  // namespace gkm::support
