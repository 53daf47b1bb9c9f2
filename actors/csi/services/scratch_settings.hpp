/// The limits of what pods may write, as flags and gkm-config have them.
#pragma once

#include "actors/csi/scratch/scratch_budget.hpp"
#include "base/program/setting_file.hpp"

#include <filesystem>
#include <mutex>
#include <span>
#include <vector>

namespace gkm::csi {

/// One limit: its key in gkm-config, its flag, what it is without either.
struct scratch_limit_name {
  const char* key;
  const char* flag;
  const char* standard;
  const char* help;
  std::optional<share> scratch_limits::*value;
};
std::span<const scratch_limit_name> scratch_limit_names();

/// The limits that hold without a flag or setting.
scratch_limits standard_scratch_limits();

/// Follows the keys of gkm-config.
class scratch_settings {
public:
  /// `given` are the limits to begin with; `keys` those that are followed in `dir`. `tell` hears of
  /// every change, from any thread, the first time before this returns. A key that is absent means
  /// what was given; of one that is not understood the last value stays, and the log says so.
  scratch_settings(const std::filesystem::path& dir, const std::vector<std::string>& keys,
                   const scratch_limits& given, std::function<void(const scratch_limits&)> tell);

private:
  void take(const scratch_limit_name& which, const result<std::string>& text);

  const scratch_limits given_;
  const std::function<void(const scratch_limits&)> tell_;
  std::mutex mutex_;
  scratch_limits now_;
  std::vector<std::unique_ptr<base::setting_file>> followed_;
};

}  // namespace gkm::csi
