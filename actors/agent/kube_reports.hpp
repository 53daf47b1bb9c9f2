/// A node's reports in the Kubernetes API.
#pragma once

#include "actors/agent/reports_port.hpp"

#include <string>

namespace gkm::k8s {
class client;
class event_recorder;
}  // namespace gkm::k8s

namespace gkm::node {

class metrics;

class kube_reports : public reports_port {
public:
  /// All must outlive this.
  kube_reports(k8s::client& client, k8s::event_recorder& events, metrics& counts,
               std::string node_name)
      : client_(client), events_(events), metrics_(counts), node_name_(std::move(node_name)) {}

  void create(const node_report& report, const std::string& node_uid,
              answer<node_report> reply) override;
  void write(const node_report& seen, const node_report& wanted,
             answer<node_report> reply) override;
  void remove(const node_report& seen, answer<done> reply) override;
  void read(const std::string& ns, answer<node_report> reply) override;
  void record(const node_report& about, const report_event& event) override;

private:
  k8s::client& client_;
  k8s::event_recorder& events_;
  metrics& metrics_;
  const std::string node_name_;
};

}  // namespace gkm::node
