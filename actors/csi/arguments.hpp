/// From what kubelet passes on, a pod's own words among them, to a checked request.
#pragma once

#include "messages/volume.hpp"

#include <map>
#include <string>

namespace gkm::csi {

constexpr uint32_t default_wait_s = 30;
constexpr uint32_t longest_wait_s = 600;

/// Checks everything that does not need the disk. `kubelet_root` is where targets must lie beneath.
/// Errors: invalid_argument (malformed: names the attribute, what is wrong with it and what would
/// be right), unauthorized (the namespace is not the pod's).
result<publish_request> parse_publish(const std::string& volume_id, const std::string& target,
                                      const std::map<std::string, std::string>& context,
                                      bool read_only, const std::string& kubelet_root);

/// The same for what other calls carry.
result<void> check_volume_id(const std::string& volume_id);
result<void> check_target(const std::string& target, const std::string& kubelet_root);

}  // namespace gkm::csi
