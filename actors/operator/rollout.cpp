#include "actors/operator/rollout.hpp"

#include "messages/names.hpp"

#include <algorithm>

namespace gkm::op {

daemon_wish wish_for(std::string_view daemon, const config_values& config) {
  return {daemon == names::agent_daemon ? config.agent_image : config.csi_image, config.no_gpu};
}

bool is_gkms_container(std::string_view name) {
  constexpr std::array<std::string_view, 4> names{"gkm-agent", "prepare", "gkm-csi", "gkm-gpu"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

daemon_set as_wished(const daemon_set& seen, const daemon_wish& wish) {
  auto wanted = seen;
  if (!wish.image.empty())
    for (auto* list : {&wanted.containers, &wanted.init_containers})
      for (auto& one : *list)
        if (is_gkms_container(one.name)) one.image = wish.image;
  if (wish.no_gpu.value_or(false) || (wish.no_gpu && !seen.no_gpu.empty()))
    wanted.no_gpu = *wish.no_gpu ? "true" : "false";
  return wanted;
}

}  // namespace gkm::op
