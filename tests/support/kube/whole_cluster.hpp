/// All of GKM at work: an API server of its own that logs what it is asked, everything that
/// deploy/ installs, the real gkm-operator with its webhooks in force, a real registry, and nodes.
///
///   if (auto why = whole_cluster::missing()) GTEST_SKIP() << *why;
///   whole_cluster cluster;
///   auto image = cluster.push("team/cache:v1", cache_image().layer(kernel_layer().finished()));
///   cluster.add_node("worker-1").start();
///   cluster.admin().apply(...);
#pragma once

#include "tests/support/kube/api_requests.hpp"
#include "tests/support/kube/cluster_node.hpp"
#include "tests/support/kube/operator_program.hpp"
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/registry/certificates.hpp"
#include "tests/support/registry/registry_server.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace gkm::support {

class whole_cluster {
public:
  /// Why there cannot be one here; nothing if there can.
  static std::optional<std::string> missing();

  /// Admission is in force when this returns. The calling thread, which is to be the one of all
  /// further calls, has a mount namespace of its own from now on.
  explicit whole_cluster(std::vector<std::string> operator_flags = {});
  ~whole_cluster();
  whole_cluster(const whole_cluster&) = delete;
  whole_cluster& operator=(const whole_cluster&) = delete;

  kube_server& server() { return *server_; }
  const kubectl& admin() const { return server_->admin(); }
  const api_requests& requests() const { return requests_; }
  operator_program& gkm_operator() { return *operator_; }

  /// It lives as long as the cluster, and is not started yet.
  cluster_node& add_node(const std::string& name, const std::string& labels = "");
  void remove_node(const std::string& name) { nodes_.erase(name); }
  cluster_node& node(const std::string& name) { return *nodes_.at(name); }

  /// Its reference there: "127.0.0.1:5000/team/cache:v1" for "team/cache:v1".
  std::string push(const std::string& name, const cache_image& image);
  /// An image of an OCI layout.
  std::string push_from(const std::filesystem::path& layout, const std::string& tag,
                        const std::string& name);
  std::string registry() const { return "127.0.0.1:" + std::to_string(registry_port_); }
  void stop_registry() { registry_.reset(); }
  /// Where it was, with what it had.
  void start_registry();

  /// A folder that goes with the cluster.
  std::filesystem::path folder() const { return folder_.path(); }

private:
  std::vector<std::string> operator_arguments(std::vector<std::string> flags);
  void wait_for_admission();

  temp_dir folder_;
  api_requests requests_;
  std::unique_ptr<kube_server> server_;
  std::unique_ptr<registry_server> registry_;
  uint16_t registry_port_ = 0;
  reserved_port webhook_port_;
  std::unique_ptr<operator_program> operator_;
  std::map<std::string, std::unique_ptr<cluster_node>> nodes_;
};

}  // namespace gkm::support
