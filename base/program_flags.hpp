/// Command-line flags that the programs of a node have in common.
#pragma once

#include "base/log.hpp"

#include <filesystem>
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

/// `errc::invalid_argument`, with the flag's name: no absolute, normalised path.
result<std::filesystem::path> parse_directory(const std::string& flag, const std::string& text);

}  // namespace gkm::base
