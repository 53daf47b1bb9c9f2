#include "actors/node/disk/disk_settings.hpp"

#include "base/program/log.hpp"
#include "base/program/program_flags.hpp"
#include "messages/printable.hpp"
#include "messages/quantity.hpp"

#include <CLI/CLI.hpp>

namespace gkm::node {
namespace log = base::log;

disk_shares disk_flags::over(disk_shares defaults) const {
  return {store.value_or(defaults.store), tenant.value_or(defaults.tenant),
          reserve.value_or(defaults.reserve), defaults.by_flag};
}

void add_disk_flags(CLI::App& app, disk_flags& flags, const disk_shares& defaults) {
  base::add_share_flag(app, "--store-size", "GKM_STORE_SIZE", flags.store, defaults.store,
                       "The most that all caches may take, as a part of the file system ('80%', of "
                       "its inodes, too) or in bytes ('50Gi')");
  base::add_share_flag(
      app, "--store-namespace-size", "GKM_STORE_NAMESPACE_SIZE", flags.tenant, defaults.tenant,
      "The most that those of one namespace, or all cluster-scoped ones, may take");
  base::add_share_flag(app, "--store-reserve", "GKM_STORE_RESERVE", flags.reserve, defaults.reserve,
                       "What stays free for others: nothing is written beyond it");
  app.add_option_function<std::string>(
         "--scrub-rate",
         [&flags](const std::string& text) {
           auto rate = parse_bytes(text);
           if (!rate)
             throw CLI::ValidationError("--scrub-rate",
                                        "'" + printable(text) + "' is no size such as '8Mi'");
           flags.scrub_rate = *rate;
         },
         "How many bytes a second are read, once a day, to find damage in what is stored; 0: none")
      ->type_name("SIZE")
      ->envname("GKM_SCRUB_RATE")
      ->default_str("8Mi");
}

followed_shares::followed_shares(const std::filesystem::path& config_dir, const disk_flags& flags,
                                 std::function<void(const disk_shares&)> tell)
    : tell_(std::move(tell)), now_(flags.over({})) {
  if (config_dir.empty()) return;
  if (!flags.store) follow(config_dir, disk_shares::store_key, &disk_shares::store);
  if (!flags.tenant) follow(config_dir, disk_shares::tenant_key, &disk_shares::tenant);
  if (!flags.reserve) follow(config_dir, disk_shares::reserve_key, &disk_shares::reserve);
}

void followed_shares::follow(const std::filesystem::path& dir, const char* key, member which) {
  auto followed = base::setting_file::follow(
      dir, key, [=, this](const result<std::string>& value) { take(key, which, value); });
  if (followed) return files_.push_back(std::move(*followed));
  log::warn("Cannot follow a setting", {{"key", key}, {"error", followed.error().message}});
}

void followed_shares::take(const char* key, member which, const result<std::string>& value) {
  std::optional<share> wanted;
  if (value)
    wanted = parse_share(*value);
  else if (value.error().code == errc::not_found)
    wanted = disk_shares{}.*which;
  if (!wanted)
    return log::warn("A setting is not understood, its last value stays",
                     {{"key", key},
                      {"error", value ? "'" + printable(*value) +
                                            "' is neither a percentage nor a size such as '50Gi'"
                                      : value.error().message}});
  std::lock_guard lock(mutex_);
  if (now_.*which == *wanted) return;
  now_.*which = *wanted;
  log::info("Share of the disk is set", {{"key", key}, {"value", wanted->str()}});
  tell_(now_);
}

}  // namespace gkm::node
