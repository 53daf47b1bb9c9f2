/// One node of a test cluster: the real gkm-agent and the real gkm-csi on one state directory, and
/// a stand-in for its kubelet. Mounts are made in the calling thread's mount namespace: see
/// private_mounts.hpp. The destructor ends both programs, takes all mounts away, and the node with
/// its reports leaves the cluster.
#pragma once

#include "tests/support/kube/agent_node.hpp"
#include "tests/support/kube/kubelet_stand_in.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gkm::support {

class cluster_node {
public:
  /// The node is made; nothing runs there yet. It may pull from `registry`, which is on itself.
  cluster_node(kube_server& server, const std::string& name, const std::string& registry,
               const std::string& labels = "");
  ~cluster_node();
  cluster_node(const cluster_node&) = delete;
  cluster_node& operator=(const cluster_node&) = delete;

  /// Both programs. gkm-csi serves when this returns.
  void start(std::vector<std::string> agent_flags = {});
  void start_csi();
  void kill_csi();

  const std::string& name() const { return agent_.name(); }
  paths where() const { return agent_.where(); }
  agent_node& agent() { return agent_; }
  child_process& csi() { return *csi_; }
  kubelet_stand_in& kubelet() { return kubelet_; }

  /// In the store; their hexadecimal digits.
  std::vector<std::string> stored() const;
  /// Of pods.
  size_t mounts() const;
  /// What /metrics of its agent says; empty if it does not answer.
  std::string metrics() const;

private:
  std::filesystem::path kubelet_root() const { return agent_.folder() / "kubelet"; }
  std::filesystem::path endpoint() const { return agent_.folder() / "csi.sock"; }

  kube_server& server_;
  agent_node agent_;
  std::optional<csi_client> client_;
  std::optional<child_process> csi_;
  kubelet_stand_in kubelet_;
};

}  // namespace gkm::support
