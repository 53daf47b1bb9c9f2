/// A Kubernetes API server with an etcd of its own, on loopback ports, its data in a temporary
/// folder. RBAC, Node authorization and every admission plugin are as in a cluster; there are no
/// controllers, so nothing makes service accounts or pods, nor collects what has lost its owner.
/// The destructor ends both programs.
///
///   kube_server& server = kube_server::shared();          // one for the whole test program
///   server.admin().apply("{apiVersion: v1, kind: Namespace, metadata: {name: a}}");
///   auto token = pod_token(server, {.node = "worker-1", .service_account = "gkm-agent"});
///   server.as("agent", token).ask({"get", "secrets"});
#pragma once

#include "tests/support/kube/kube_programs.hpp"
#include "tests/support/kube/kubectl.hpp"
#include "tests/support/registry/certificates.hpp"
#include "tests/support/reserved_port.hpp"
#include "tests/support/temp_dir.hpp"

#include <memory>

namespace gkm::support {

class child_process;

struct kube_server_plan {
  std::vector<std::string> apiserver_arguments{};  ///< further ones, as "--event-ttl=1h"
};

class kube_server {
public:
  /// Started by the first call. Throws where find_kube_programs has none: ask it first.
  static kube_server& shared();

  explicit kube_server(kube_programs programs, kube_server_plan plan = {});
  ~kube_server();

  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_.number()); }
  const std::string& ca_file() const { return ca_.certificate_file(); }

  /// A member of system:masters, by client certificate.
  const kubectl& admin() const { return *admin_; }
  /// A kubectl, and so a kubeconfig, for whoever holds this token. `name` is for the file.
  kubectl as(const std::string& name, const std::string& token) const;
  /// A user of these groups, by client certificate.
  kubectl as_user(const std::string& name, const std::vector<std::string>& groups = {});

  /// Ends the API server as a crash does; etcd keeps the data, and `start` comes back to it on the
  /// same port.
  void stop();
  void start();

private:
  void start_etcd();
  std::vector<std::string> apiserver_command() const;
  kubectl kubectl_with(const std::string& name, const std::string& user_yaml) const;

  temp_dir root_;
  kube_programs programs_;
  kube_server_plan plan_;
  reserved_port port_;
  test_ca ca_;
  pem_files serving_;
  pem_files token_signer_;
  std::unique_ptr<child_process> etcd_;
  std::unique_ptr<child_process> apiserver_;
  std::unique_ptr<kubectl> admin_;
};

}  // namespace gkm::support
