/// A cluster of one node to measure: a real API server with GKM deployed, the operator with its
/// webhooks, and an agent that can be started again elsewhere. Nothing pauses or polls but while it
/// starts.
#pragma once

#include "cluster_observer.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/kube/operator_program.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace gkm::bench {

class held_group;

inline constexpr auto bench_ns = "bench";

class cluster_rig {
public:
  /// `registry` is an authority, spoken to by plain HTTP.
  cluster_rig(std::filesystem::path work, std::string registry);
  ~cluster_rig();

  /// The one before ends. Returns once it is ready.
  void start_agent(const std::filesystem::path& state, const held_group* within = nullptr);
  void stop_agent();

  /// The moment in which `kubectl apply` had returned.
  cluster_observer::clock::time_point apply(const cache_ref& cache, const std::string& image) const;
  /// Returns when it is gone, from the node, too.
  void remove(const cache_ref& cache);

  support::kube_server& server() { return *server_; }
  cluster_observer& observer() { return *observer_; }
  std::string image(const std::string& name, int tag) const;
  std::filesystem::path audit_folder() const { return work_ / "audit"; }
  std::filesystem::path state() const { return state_; }
  pid_t operator_pid() const;
  pid_t agent_pid() const;

private:
  void serve_webhooks();

  const std::filesystem::path work_;
  const std::string registry_;
  std::filesystem::path state_;
  std::unique_ptr<support::kube_server> server_;
  std::unique_ptr<support::operator_program> operator_;
  support::reserved_port webhook_port_;
  support::reserved_port agent_port_;
  std::string agent_kubeconfig_;
  std::optional<support::child_process> agent_;
  std::unique_ptr<cluster_observer> observer_;
};

}  // namespace gkm::bench
