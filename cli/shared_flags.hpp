/// Flags that `gkm` and `kubectl gkm` have in common, and how both end.
#pragma once

#include "cli/options.hpp"
#include "messages/errors.hpp"

#include <string>

namespace CLI {
class App;
}

namespace gkm::cli {

struct log_flags {
  std::string level;
  bool json = false;
};

void add_output_flag(CLI::App& to, options& o);
void add_log_flags(CLI::App& to, log_flags& o);

/// As the flags say, else the environment, else errors only.
result<void> configure_log(const log_flags& o);

/// Tells the error, and returns its exit code.
int report(const error& e);

}  // namespace gkm::cli
