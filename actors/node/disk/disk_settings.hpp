/// How the parts of the disk are said: by flag, in the environment, or in gkm-config, which is
/// followed.
#pragma once

#include "actors/node/disk_budget.hpp"
#include "base/program/setting_file.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace CLI {
class App;
}

namespace gkm::node {

/// So little that nobody notices, and 100 GiB are read in four hours.
constexpr uint64_t usual_scrub_bytes_per_s = 8 << 20;

/// What was said by flag or in the environment.
struct disk_flags {
  std::optional<share> store;
  std::optional<share> tenant;
  std::optional<share> reserve;
  uint64_t scrub_rate = usual_scrub_bytes_per_s;  ///< 0: nothing is read for its own sake

  disk_shares over(disk_shares defaults) const;
};

/// --store-size, --store-namespace-size, --store-reserve and --scrub-rate.
void add_disk_flags(CLI::App& app, disk_flags& flags, const disk_shares& defaults);

/// Tells the shares that gkm-config asks for, at once and when it changes, from any thread. What
/// was said by flag stays. A value that is no share is logged, and changes nothing; one that is
/// taken away is its default again.
class followed_shares {
public:
  followed_shares(const std::filesystem::path& config_dir, const disk_flags& flags,
                  std::function<void(const disk_shares&)> tell);

private:
  using member = share disk_shares::*;
  void follow(const std::filesystem::path& dir, const char* key, member which);
  void take(const char* key, member which, const result<std::string>& value);

  const std::function<void(const disk_shares&)> tell_;
  std::mutex mutex_;
  disk_shares now_;
  std::vector<std::unique_ptr<base::setting_file>> files_;
};

}  // namespace gkm::node
