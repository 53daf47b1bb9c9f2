/// The edge between a node's reporter and the API: one real implementation, on k8s::client, and a
/// fake in the tests. Answers once, from any thread.
#pragma once

#include "actors/agent/report_events.hpp"
#include "messages/answer.hpp"
#include "messages/node_report.hpp"

#include <string>

namespace gkm::node {

class reports_port {
public:
  virtual ~reports_port() = default;
  /// A report without a status, owned by the Node of this uid. `errc::conflict`: there is one.
  virtual void create(const node_report& report, const std::string& node_uid,
                      answer<node_report> reply) = 0;
  /// The status, if the report still is the version that `seen` is: else `errc::conflict`, or
  /// `errc::not_found` if it is gone.
  virtual void write(const node_report& seen, const node_report& wanted,
                     answer<node_report> reply) = 0;
  /// Under the same condition. What is gone already counts as removed.
  virtual void remove(const node_report& seen, answer<done> reply) = 0;
  virtual void read(const std::string& ns, answer<node_report> reply) = 0;
  /// A courtesy: what cannot be recorded is dropped.
  virtual void record(const node_report& about, const report_event& event) = 0;
};

}  // namespace gkm::node
