/// gkm-config, read: what people wrote there becomes values, or a problem that can be told them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gkm::op {

/// The data of the ConfigMap gkm-config; empty if there is none.
using config_data = std::map<std::string, std::string>;

/// A value that was not taken; what was set before stays.
struct bad_setting {
  std::string key;
  std::string value;  ///< fit to be shown
  std::string why;

  bool operator==(const bad_setting&) const = default;
};

/// What is empty was not set, or not understood.
struct config_values {
  std::string agent_image;
  std::string csi_image;
  std::optional<bool> no_gpu;
  std::optional<bool> kyverno;
  std::vector<bad_setting> problems;
};

config_values read_config(const config_data& data);

}  // namespace gkm::op
