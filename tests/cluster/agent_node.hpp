/// One node of a test cluster with the real gkm-agent on it, as the pod that the manifests would
/// make: its role, and a token that is bound to its pod and node. Caches' digests are written by
/// the test with the operator's account, in the operator's stead.
#pragma once

#include "k8s/types.hpp"
#include "messages/paths.hpp"
#include "tests/support/cache_image.hpp"
#include "tests/support/deployment.hpp"
#include "tests/support/kube_identities.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <optional>

namespace gkm::support {

class agent_node {
public:
  /// The node is made; the agent is not started yet.
  agent_node(kube_server& server, std::string name, const std::string& labels = "")
      : server_(server), name_(std::move(name)) {
    make_node(server_, name_, labels);
    kubeconfig_ =
        server_.as("agent-" + name_, pod_token(server_, {name_, "gkm-agent"})).kubeconfig();
  }

  const std::string& name() const { return name_; }
  paths where() const { return paths::below(folder_.path() / "state"); }
  std::filesystem::path folder() const { return folder_.path(); }

  /// May pull from this registry, which is on the node itself.
  void allow(const std::string& registry) { registry_ = registry; }
  void start(std::vector<std::string> flags = {}) { start_at_level("debug", std::move(flags)); }
  /// Empty: whatever level it finds by itself.
  void start_at_level(const std::string& level, std::vector<std::string> flags = {}) {
    std::vector<std::string> command{program("gkm-agent"),
                                     "--node-name",
                                     name_,
                                     "--kubeconfig",
                                     kubeconfig_,
                                     "--state-dir",
                                     where().root,
                                     "--metrics-address",
                                     "",
                                     "--health-address",
                                     "127.0.0.1:" + std::to_string(health_.number())};
    if (!level.empty()) command.insert(command.end(), {"--log-level", level});
    if (!registry_.empty()) command.insert(command.end(), {"--plain-http", registry_});
    command.insert(command.end(), flags.begin(), flags.end());
    auto environment = basic_environment();
    environment["NO_GPU"] = "true";
    agent_.emplace(child_plan{std::move(command), environment, folder_.path()});
  }
  void kill() {
    agent_->send_signal(SIGKILL);
    agent_->wait();
  }
  /// The exit code after SIGTERM.
  int end() {
    agent_->send_signal(SIGTERM);
    return agent_->wait();
  }
  child_process& process() { return *agent_; }
  uint16_t health_port() const { return health_.number(); }

  /// Of a namespace; empty: of caches without one. None if there is no such report.
  std::optional<node_report> report(const std::string& ns) const {
    std::vector<std::string> get{"get", ns.empty() ? "clustergkmcachenode" : "gkmcachenode", name_,
                                 "-o", "json"};
    if (!ns.empty()) get.insert(get.end(), {"-n", ns});
    auto answer = server_.admin().ask(get);
    if (!answer.ok()) return std::nullopt;
    auto o = k8s::object::parse(answer.out);
    if (!o) return std::nullopt;
    auto parsed = k8s::parse_node_report(*o);
    return parsed ? std::optional(*parsed) : std::nullopt;
  }
  /// "Extracted", or empty if the report says nothing of it.
  std::string state(const cache_ref& ref, const std::string& digest_text) const {
    auto r = report(ref.ns);
    if (!r) return {};
    auto d = *digest::parse(digest_text);
    auto cache = r->caches.find(ref.name);
    if (cache == r->caches.end() || !cache->second.contains(d)) return {};
    for (const auto& c : cache->second.at(d).conditions)
      if (c.status == condition_status::yes) return c.name;
    return {};
  }
  bool wait_state(const cache_ref& ref, const std::string& digest_text, const std::string& wanted) {
    bool is_so = eventually(
        ref.str() + " is '" + wanted + "' on " + name_,
        [&] { return state(ref, digest_text) == wanted; }, patience);
    if (!is_so && agent_) ADD_FAILURE() << agent_->err();
    return is_so;
  }

  static constexpr std::chrono::seconds patience{60};

private:
  kube_server& server_;
  const std::string name_;
  temp_dir folder_;
  reserved_port health_;
  std::string kubeconfig_;
  std::string registry_;
  std::optional<child_process> agent_;
};

/// A cluster where GKM is deployed, and a registry.
class agent_test : public deployed_test {
protected:
  void SetUp() override {
    deployed_test::SetUp();
    if (IsSkipped()) return;
    ns_ = "agent-" + std::to_string(++tests_);
    make_namespace(server(), ns_);
  }

  /// The registry of these tests is allowed to it.
  void start(agent_node& node) {
    node.allow(registry_.server().authority());
    node.start();
  }
  cache_ref ref(const std::string& name) const { return {ns_, name}; }
  static std::string yaml(const cache_ref& ref, const std::string& image,
                          const std::string& more = "") {
    std::string place = ref.ns.empty() ? "" : ", namespace: " + ref.ns;
    return "{apiVersion: gkm.io/v1alpha1, kind: " + std::string(ref.kind()) +
           ", metadata: {name: " + ref.name + place + "}, spec: {image: '" + image + "'" + more +
           "}}\n---\n";
  }
  std::string image(const std::string& digest) const {
    return registry_.server().authority() + "/team/cache@" + digest;
  }
  static const kubectl& gkm_operator() {
    static const kubectl one =
        server().as("gkm-operator", account_token(server(), "gkm-system", "gkm-operator"));
    return one;
  }
  /// The operator's verdict.
  void judge(const cache_ref& ref, const std::string& digest) {
    judge_by(gkm_operator(), ref, digest);
  }
  void judge_by(const kubectl& by, const cache_ref& ref, const std::string& digest) {
    std::vector<std::string> patch{"patch",
                                   ref.is_cluster() ? "clustergkmcache" : "gkmcache",
                                   ref.name,
                                   "--subresource=status",
                                   "--type=merge",
                                   "-p",
                                   R"({"status":{"resolvedDigest":")" + digest +
                                       R"(","resolvedImage":")" + image(digest) + R"("}})"};
    if (!ref.is_cluster()) patch.insert(patch.end(), {"-n", ref.ns});
    by.run(patch);
  }
  /// Applied and judged.
  void want(const cache_ref& ref, const cache_image& what, const std::string& more = "") {
    admin().apply(yaml(ref, image(what.digest()), more));
    judge(ref, what.digest());
  }
  static void remove(const cache_ref& ref) {
    std::vector<std::string> command{"delete", ref.is_cluster() ? "clustergkmcache" : "gkmcache",
                                     ref.name};
    if (!ref.is_cluster()) command.insert(command.end(), {"-n", ref.ns});
    admin().run(command);
  }
  /// An image that differs from others by its filler.
  cache_image add_image(const std::string& tag, size_t filler_bytes, uint8_t machine = 0x3f) {
    auto made = cache_image().layer(kernel_layer(machine, filler_bytes).finished());
    registry_.add(tag, made);
    return made;
  }

  std::string ns_;
  image_registry registry_;

private:
  static inline int tests_ = 0;
};

}  // namespace gkm::support
