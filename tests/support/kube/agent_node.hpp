/// One node of a test cluster with the real gkm-agent on it, as the pod that the manifests would
/// make: its role, and a token that is bound to its pod and node.
#pragma once

#include "k8s/objects/types.hpp"
#include "messages/paths.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/kube/kube_identities.hpp"
#include "tests/support/workbench.hpp"

#include <gtest/gtest.h>

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
                                     "--store-reserve",  // however full this machine's disk is
                                     "0%",
                                     "--node-name",
                                     name_,
                                     "--kubeconfig",
                                     kubeconfig_,
                                     "--state-dir",
                                     where().root,
                                     "--metrics-address",
                                     "",
                                     "--health-address",
                                     "127.0.0.1:" + std::to_string(health_.number()),
                                     "--keep-unneeded",
                                     "0"};
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
  bool is_started() const { return agent_.has_value(); }
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

}  // namespace gkm::support
