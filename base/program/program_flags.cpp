#include "base/program/program_flags.hpp"

#include "messages/printable.hpp"
#include "messages/volume.hpp"

#include <CLI/CLI.hpp>

namespace gkm::base {

void add_log_flags(CLI::App& app, log_flags& flags, const std::string& key) {
  app.add_option("--config-dir", flags.config_dir,
                 "The ConfigMap gkm-config as a folder: its " + key +
                     " is followed, unless --log-level is given")
      ->type_name("DIR")
      ->envname("GKM_CONFIG_DIR");
  app.add_option("--log-level", flags.level,
                 "debug, info, warn, error or off (default: $GKM_LOG, else $GO_LOG, else info)")
      ->type_name("LEVEL");
  app.add_flag("--log-json", flags.json, "Log as JSON, one object per line");
}

result<log::level> start_level(log_flags& flags) {
  if (flags.level.empty()) return log::level_from_environment(log::level::info);
  flags.config_dir.clear();
  return log::parse_level(flags.level);
}

void add_share_flag(CLI::App& app, const char* flag, const char* variable,
                    std::optional<share>& value, const share& otherwise, const std::string& help) {
  app.add_option_function<std::string>(
         flag,
         [&value, flag](const std::string& text) {
           value = parse_share(text);
           if (!value)
             throw CLI::ValidationError(flag, "'" + printable(text) +
                                                  "' is neither a percentage nor a size such as "
                                                  "'50Gi'");
         },
         help)
      ->type_name("SHARE")
      ->envname(variable)
      ->default_str(otherwise.str());
}

result<std::filesystem::path> parse_directory(const std::string& flag, const std::string& text) {
  if (!is_normal_path(text))
    return fail(errc::invalid_argument, flag + " '" + printable(text) +
                                            "' is not an absolute path without '.', '..' and "
                                            "doubled or trailing slashes");
  return std::filesystem::path(text);
}

}  // namespace gkm::base
