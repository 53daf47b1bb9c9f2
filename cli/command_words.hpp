/// The first word of a command line: commands that people expect under other names, and words that
/// are none.
#pragma once

#include "messages/errors.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace gkm::cli {

/// "help" and "version" become flags; errc::invalid_argument for a word that is no command: names
/// the nearest, or all there are.
result<std::vector<std::string>> understand(const CLI::App& app, std::vector<std::string> words);

}  // namespace gkm::cli
