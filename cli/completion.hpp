/// Completion for shells, made from the command line's own description.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace gkm::cli {

/// A script for `shell` (bash, zsh or fish) to be sourced: subcommands, their flags, then files.
std::string completion_script(const CLI::App& app, const std::string& shell);

}  // namespace gkm::cli
