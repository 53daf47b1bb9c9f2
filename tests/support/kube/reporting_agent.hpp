/// What the agent of one node would write about caches, said by a test with that agent's rights.
#pragma once

#include "k8s/objects/time.hpp"
#include "tests/support/kube/kube_identities.hpp"

#include <string>
#include <vector>

namespace gkm::support {

class reporting_agent {
public:
  /// The node is made, with a GPU, and these labels.
  reporting_agent(const kube_server& server, const std::string& node, const std::string& labels)
      : node_(node), as_((make_node(server, node, labels), identity(server, node))) {
    as_.apply_at_server(
        "{apiVersion: gkm.io/v1alpha1, kind: ClusterGKMCacheNode, metadata: {name: " + node + "}}");
    as_.run(patch("clustergkmcachenode", "",
                  R"({"nodeName":")" + node + R"(","gpus":[{"gpuType":"MI250X","ids":[0]}]})"));
  }

  void publish_key(const std::string& public_key_base64) {
    as_.run(patch("clustergkmcachenode", "", R"({"pullSecretKey":")" + public_key_base64 + "\"}"));
  }

  /// In words of the report: state "Extracted", "Running", "Outdated", "Error", "Pending".
  void say(const std::string& ns, const std::string& cache, const std::string& digest,
           const std::string& state, const std::vector<std::string>& pods = {},
           const std::string& message = "") {
    as_.apply_at_server("{apiVersion: gkm.io/v1alpha1, kind: GKMCacheNode, metadata: {name: " +
                        node_ + ", namespace: " + ns + "}}");
    std::string uses;
    for (const auto& pod : pods)
      uses += std::string(uses.empty() ? "" : ",") + R"({"podNamespace":")" + ns +
              R"(","podName":")" + pod + R"(","volumeId":"csi-)" + pod + "\"}";
    as_.run(patch("gkmcachenode", ns,
                  R"({"nodeName":")" + node_ + R"(","caches":{")" + cache + R"(":{")" + digest +
                      R"(":{"compatibleGPUs":[0],"conditions":[{"type":")" + state +
                      R"(","status":"True","reason":")" + state + R"(","message":")" + message +
                      R"(","lastTransitionTime":")" + k8s::print_time(k8s::now_unix_s()) +
                      R"("}],"pods":[)" + uses + "]}}}}"));
  }
  /// It holds nothing of that digest any more.
  void release(const std::string& ns, const std::string& cache, const std::string& digest) {
    as_.run(
        patch("gkmcachenode", ns, R"({"caches":{")" + cache + R"(":{")" + digest + R"(":null}}})"));
  }

private:
  static kubectl identity(const kube_server& server, const std::string& node) {
    return server.as("agent-" + node, pod_token(server, {node, "gkm-agent"}));
  }
  std::vector<std::string> patch(const std::string& kind, const std::string& ns,
                                 const std::string& status) const {
    std::vector<std::string> words{"patch",
                                   kind,
                                   node_,
                                   "--subresource=status",
                                   "--type=merge",
                                   "-p",
                                   R"({"status":)" + status + "}"};
    if (!ns.empty()) words.insert(words.end(), {"-n", ns});
    return words;
  }

  std::string node_;
  kubectl as_;
};

}  // namespace gkm::support
