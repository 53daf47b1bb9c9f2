/// Namespaces, nodes and the tokens of pods, made directly: a test server has no controllers.
#pragma once

#include "tests/support/kube/kube_server.hpp"

#include <string>

namespace gkm::support {

struct pod_identity {
  std::string node;
  std::string service_account;
  std::string name_space = "gkm-system";
};

/// With its `default` service account.
void make_namespace(const kube_server& server, const std::string& name);
/// Ready, with its hostname label and these others ("gkm-test-node: \"true\"").
void make_node(const kube_server& server, const std::string& name, const std::string& labels = "");
/// A running pod on that node, and the token that kubelet would give it: it names pod and node.
/// Namespace and node must exist; the service account and the pod are made if need be.
std::string pod_token(const kube_server& server, const pod_identity& who);
/// The token of a service account, bound to no pod.
std::string account_token(const kube_server& server, const std::string& name_space,
                          const std::string& service_account);

}  // namespace gkm::support
