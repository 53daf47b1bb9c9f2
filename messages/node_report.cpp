#include "messages/node_report.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace gkm {

std::vector<gpu_group> group_gpus(const std::vector<gpu>& gpus) {
  std::vector<gpu_group> groups;
  for (const auto& g : gpus) {
    auto at = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
      return group.gpu_type == g.name && group.driver_version == g.driver_version;
    });
    if (at == groups.end()) at = groups.insert(at, {g.name, g.driver_version, {}});
    at->ids.push_back(g.id);
  }
  return groups;
}

uint32_t count_listed_pods(const report_entry& entry) {
  // A pod may have it mounted more than once.
  std::set<std::pair<std::string_view, std::string_view>> pods;
  for (const auto& use : entry.pods) pods.emplace(use.ns, use.name);
  return static_cast<uint32_t>(pods.size());
}

uint32_t count_pods(const report_entry& entry) {
  return std::max(entry.pod_count, count_listed_pods(entry));
}

}  // namespace gkm
