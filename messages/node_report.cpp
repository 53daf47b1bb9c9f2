#include "messages/node_report.hpp"

#include <algorithm>

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

}  // namespace gkm
