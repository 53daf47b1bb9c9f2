// Fifty agents at once, on disks that they do not have, against the real operator and API server.
#include "base/program/log.hpp"
#include "k8s/client.hpp"
#include "messages/actors/interfaces.hpp"
#include "tests/support/sim/light_agent.hpp"
#include "whole_fixture.hpp"

#include <future>
#include <thread>

namespace gkm::support {
namespace {

using ::testing::IsEmpty;

constexpr int agents = 50;
constexpr int caches = 10;
/// Longer than any write that is due waits for its pace.
constexpr std::chrono::milliseconds a_while{2'000};
constexpr size_t threads = 2;

/// Not a kind of objects, but asked for in the same way.
constexpr k8s::resource token_requests{"", "v1", "serviceaccounts/gkm-agent/token", "TokenRequest",
                                       true};

std::string node_name(int i) { return "fleet-" + std::to_string(i); }
std::string pod_name(int i) { return "gkm-agent-" + node_name(i); }

class fleet : public whole_test {
protected:
  void SetUp() override {
    whole_test::SetUp();
    if (IsSkipped()) return;
    base::log::configure(base::log::level::error, false);
    first_ = push("v1", first_image_);
    second_ = push("v2", second_image_);
    make_nodes();
    gkm::configure(config_, threads);
    config_.add_message_types<caf::id_block::gkm>();
    system_ = std::make_unique<caf::actor_system>(config_);
    for (const auto& token : make_tokens())
      agents_.push_back(std::make_unique<light_agent>(*system_, identity(token),
                                                      node_name(static_cast<int>(agents_.size()))));
  }
  void TearDown() override {
    if (IsSkipped()) return;
    agents_.clear();
    system_.reset();
    // All of a kind in one request.
    admin().run({"delete", "--raw", "/api/v1/nodes?labelSelector=fleet"});
    admin().run({"delete", "--raw",
                 "/apis/gkm.io/v1alpha1/clustergkmcachenodes?labelSelector="
                 "kubernetes.io/hostname+notin+(worker-1,worker-2)"});
  }

  void make_nodes() {
    std::string all = "{apiVersion: v1, kind: List, items: [";
    for (int i = 0; i < agents; ++i)
      all += "{apiVersion: v1, kind: Node, metadata: {name: " + node_name(i) +
             ", labels: {fleet: 'true', kubernetes.io/hostname: " + node_name(i) +
             "}}},\n{apiVersion: v1, kind: Pod, metadata: {name: " + pod_name(i) +
             ", namespace: gkm-system}, spec: {nodeName: " + node_name(i) +
             ", serviceAccountName: gkm-agent, containers: [{name: main, image: none}]}},\n";
    auto made = admin().ask_with_file({"create", "-f"}, all + "]}");
    ASSERT_TRUE(made.ok()) << made.err;
  }
  /// Of all agents' pods, asked for at once: fifty times kubectl would take long.
  static std::vector<std::string> make_tokens() {
    auto as_admin = k8s::from_kubeconfig({admin().kubeconfig().string(), {}});
    EXPECT_TRUE(as_admin) << as_admin.error().message;
    k8s::client client(*as_admin);
    std::vector<std::promise<result<k8s::object>>> answers(agents);
    for (int i = 0; i < agents; ++i)
      client.create(token_requests, "gkm-system",
                    R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{)"
                    R"("boundObjectRef":{"apiVersion":"v1","kind":"Pod","name":")" +
                        pod_name(i) + R"("}}})",
                    [to = &answers[static_cast<size_t>(i)]](result<k8s::object> made) {
                      to->set_value(std::move(made));
                    });
    std::vector<std::string> tokens;
    for (auto& answer : answers) {
      auto made = answer.get_future().get();
      EXPECT_TRUE(made) << made.error().message;
      tokens.emplace_back(made ? made->text({"status", "token"}) : "");
    }
    return tokens;
  }
  static k8s::config identity(const std::string& token) {
    k8s::config as;
    as.server = cluster().server().url();
    as.ca_pem = read_whole(cluster().server().ca_file());
    as.identity.token = token;
    return as;
  }

  std::string cache_yaml(int i, const std::string& image) const {
    auto text = yaml(cache(i), image);
    return text.replace(text.find("}}\n"), 2, ", nodeSelector: {fleet: 'true'}}}");
  }
  cache_ref cache(int i) const { return ref("c" + std::to_string(i)); }
  /// Of all caches, in one request.
  std::string fields(const std::string& path) const {
    return admin().run(
        {"get", "gkmcaches", "-n", ns_, "-o", "jsonpath={range .items[*]}" + path + " {end}"});
  }
  bool all_become(const std::string& path, const std::string& value) const {
    std::string wanted;
    for (int i = 0; i < caches; ++i) wanted += value + ' ';
    bool so = eventually(
        "every " + path + " is '" + value + "'", [&] { return fields(path) == wanted; }, patience);
    if (!so) ADD_FAILURE() << fields(path) << fields(message);
    return so;
  }
  /// The most that any of the fleet's agents wrote since.
  size_t most_writes(size_t since) const {
    std::map<std::string, size_t> by_node;
    for (const auto& r : cluster().requests().since(since, written_by("gkm-agent")))
      if (r.node.starts_with("fleet-")) ++by_node[r.node];
    size_t most = 0;
    for (const auto& [node, n] : by_node) most = std::max(most, n);
    return most;
  }
  /// While a cache is pending, its progress is told after 2 s, 4 more, 8 more: base/pace.hpp.
  static size_t operator_may_write(std::chrono::steady_clock::time_point since) {
    size_t per_cache = 4;
    auto took = std::chrono::steady_clock::now() - since;
    for (std::chrono::seconds told{6}; took > told; told = 2 * told + std::chrono::seconds(2))
      ++per_cache;
    return per_cache * caches;
  }
  size_t operator_writes(size_t since) const {
    return cluster().requests().count(since, written_by("gkm-operator"));
  }

  const cache_image first_image_ = image(8'000);
  const cache_image second_image_ = image(9'000);
  std::string first_;
  std::string second_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::vector<std::unique_ptr<light_agent>> agents_;
};

constexpr auto ready_nodes = "{.status.counts.nodeNotInUseCnt}";

TEST_F(fleet, fifty_agents_have_ten_caches_with_few_requests) {
  ASSERT_TRUE(eventually("every agent says that it runs", [&] {
    std::istringstream names(admin().run({"get", "clustergkmcachenodes", "-o", "name"}));
    size_t n = 0;
    for (std::string line; std::getline(names, line);) n += line.find("/fleet-") != line.npos;
    return n == agents;
  }));
  std::string all;
  for (int i = 0; i < caches; ++i) all += cache_yaml(i, first_);
  auto began = cluster().requests().now();
  auto began_at = std::chrono::steady_clock::now();
  admin().apply(all);
  ASSERT_TRUE(all_become(ready_nodes, std::to_string(agents)));
  ASSERT_TRUE(all_become(reason, "Extracted"));
  EXPECT_LE(most_writes(began), size_t{3 * caches});
  EXPECT_LE(operator_writes(began), operator_may_write(began_at));
  std::cout << "apply to Ready: at most " << most_writes(began) << " writes by an agent, "
            << operator_writes(began) << " by the operator\n";

  auto quiet = cluster().requests().now();
  std::this_thread::sleep_for(a_while);
  EXPECT_THAT(cluster().requests().since(quiet,
                                         [](const api_request& r) {
                                           // Every few minutes each agent says that it is there.
                                           return r.verb != "watch" &&
                                                  r.program.starts_with("gkm-") &&
                                                  r.what() != "patch clustergkmcachenodes/status";
                                         }),
              IsEmpty());

  auto changed = cluster().requests().now();
  admin().apply(cache_yaml(0, second_));
  auto same = field(cache(1), "{.metadata.resourceVersion}");
  ASSERT_TRUE(becomes(cache(0), "{.status.resolvedDigest}", second_image_.digest()));
  ASSERT_TRUE(becomes(cache(0), reason, "Extracted"));
  ASSERT_TRUE(becomes(cache(0), ready_nodes, std::to_string(agents)));
  EXPECT_EQ(field(cache(1), "{.metadata.resourceVersion}"), same);
  EXPECT_LE(most_writes(changed), 4U);
  EXPECT_LE(operator_writes(changed), 4U);
  std::cout << "another image: at most " << most_writes(changed) << " writes by an agent, "
            << operator_writes(changed) << " by the operator\n";

  admin().run({"delete", "gkmcaches", "--all", "-n", ns_, "--wait=false"});
  EXPECT_TRUE(eventually(
      "they are gone", [&] { return fields("{.metadata.name}").empty(); }, patience));
  for (const auto& one : agents_)
    EXPECT_TRUE(eventually("its disk is empty", [&] { return one->stored() == 0; }));
  expect_nothing_left();
}

}  // namespace
}  // namespace gkm::support
