/// What people are told when a report changes.
#pragma once

#include "messages/node_report.hpp"

#include <string>
#include <vector>

namespace gkm::node {

struct report_event {
  std::string reason;  ///< Created, CacheUsed, CacheRelease or Deleting
  std::string action;
  std::string note;

  bool operator==(const report_event&) const = default;
};

/// In the order of the caches' names; bounded.
std::vector<report_event> events_between(const node_report& seen, const node_report& wanted);

}  // namespace gkm::node
