/// GKM's DaemonSets on the API server.
#pragma once

#include "actors/operator/metrics.hpp"
#include "actors/operator/ports.hpp"
#include "k8s/client.hpp"
#include "k8s/events.hpp"

namespace gkm::op {

class kube_rollouts : public rollouts_port {
public:
  /// All must outlive this.
  kube_rollouts(k8s::client& client, k8s::event_recorder& events, metrics& counts,
                std::string own_ns)
      : client_(client), events_(events), metrics_(counts), own_ns_(std::move(own_ns)) {}

  void read(const std::string& daemon, answer<daemon_set> reply) override;
  void write(const daemon_set& wanted, answer<done> reply) override;
  void complain(const bad_setting& about) override;

private:
  k8s::client& client_;
  k8s::event_recorder& events_;
  metrics& metrics_;
  std::string own_ns_;
};

/// What counts of a DaemonSet object.
daemon_set parse_daemon_set(const k8s::object& o);
/// The fields that GKM manages of it, and no other, for server-side apply.
std::string print_daemon_set(const std::string& ns, const daemon_set& wanted);

}  // namespace gkm::op
