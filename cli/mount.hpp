/// Mounting a cache on a machine without Kubernetes, by the actors that do it for kubelet.
#pragma once

#include "cli/options.hpp"
#include "messages/errors.hpp"

#include <string>

namespace gkm::cli {

/// How a cache is to be mounted, in the words of the pod's volume attributes.
struct mount_options {
  std::string name;  ///< NAME or NAMESPACE/NAME
  std::string path;
  bool read_only = false;
  bool copy = false;
  std::string wait = "30s";
  std::string scratch_size;
  std::string owner;  ///< USER or USER:GROUP; empty: who called, before sudo
  std::string mode;   ///< octal; empty: the owner alone
};

/// `gkm mount NAME PATH`.
result<int> mount(const options& o, const mount_options& m);

/// `gkm unmount PATH`: the state directory is the mount's, whatever `o` says.
result<int> unmount(const options& o, const std::string& path);

}  // namespace gkm::cli
