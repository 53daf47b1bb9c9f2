/// What gkm-operator takes from gkm-config for itself, while it runs.
#pragma once

#include "actors/operator/config_values.hpp"
#include "actors/operator/metrics.hpp"
#include "actors/operator/settings.hpp"
#include "base/program/setting_file.hpp"

namespace gkm::op {

/// Of one thread alone, but for its making.
class followed_settings {
public:
  /// Both must outlive this. `now` is the level that the log has.
  followed_settings(const settings& s, metrics& counts, base::log::level now);
  void take(const config_data& data);

private:
  void take_kyverno(const config_data& data);

  const settings& settings_;
  metrics& metrics_;
  base::level_setting level_;
  std::optional<bool> kyverno_;
};

}  // namespace gkm::op
