/// Command-line flags that the programs of a node have in common.
#pragma once

#include "base/program/log.hpp"
#include "messages/quantity.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace gkm::base {

struct log_flags {
  std::string config_dir;  ///< followed; empty: nothing is
  std::string level;
  bool json = false;
};

/// --config-dir, --log-level and --log-json. `key` is what is followed in the ConfigMap.
void add_log_flags(CLI::App& app, log_flags& flags, const std::string& key);

/// The level to begin with. Where one was given, nothing is followed: `config_dir` is empty then.
/// `errc::invalid_argument`: it is none.
result<log::level> start_level(log_flags& flags);

/// A part of something: "80%" or "50Gi", by flag or else in the environment.
void add_share_flag(CLI::App& app, const char* flag, const char* variable,
                    std::optional<share>& value, const share& otherwise, const std::string& help);

/// `errc::invalid_argument`, with the flag's name: no absolute, normalised path.
result<std::filesystem::path> parse_directory(const std::string& flag, const std::string& text);

}  // namespace gkm::base
