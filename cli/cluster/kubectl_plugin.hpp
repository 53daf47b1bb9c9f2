/// gkm as kubectl runs it: `kubectl gkm`, by the name of kubectl-gkm on PATH; and what completes
/// its words, by that of kubectl_complete-gkm.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gkm::cli {

inline constexpr std::string_view plugin_name = "kubectl-gkm";
inline constexpr std::string_view completer_name = "kubectl_complete-gkm";

int run_plugin(int argc, char** argv);

/// One word a line, then ":4", which tells kubectl that no file is meant. `words`: those after
/// `kubectl gkm`, the last one unfinished.
std::string complete_plugin(const std::vector<std::string>& words);

}  // namespace gkm::cli
