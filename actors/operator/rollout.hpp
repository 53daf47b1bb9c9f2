/// What gkm-config has a say in of GKM's DaemonSets, and what it makes of one. Pure.
#pragma once

#include "actors/operator/config_values.hpp"
#include "messages/names.hpp"

#include <array>

namespace gkm::op {

inline constexpr std::array daemons{names::agent_daemon, names::csi_daemon};

/// On the pods' template, so that pods are made anew: they read NO_GPU when they start. None is as
/// good as "false".

/// A DaemonSet, as far as gkm-config has a say in it: containers of other names are not GKM's.
struct daemon_set {
  struct container {
    std::string name;
    std::string image;

    bool operator==(const container&) const = default;
  };

  std::string name;
  std::string version;  ///< the API's resourceVersion
  std::vector<container> containers;
  std::vector<container> init_containers;
  std::string no_gpu;  ///< the annotation

  bool operator==(const daemon_set&) const = default;
};

struct daemon_wish {
  std::string image;           ///< empty: whatever it is
  std::optional<bool> no_gpu;  ///< none: whatever it is

  bool operator==(const daemon_wish&) const = default;
};

daemon_wish wish_for(std::string_view daemon, const config_values& config);

/// True for the containers that run GKM's programs, which have one image in each DaemonSet.
bool is_gkms_container(std::string_view name);

/// `seen` as it shall be; equal to it if there is nothing to do.
daemon_set as_wished(const daemon_set& seen, const daemon_wish& wish);

}  // namespace gkm::op
