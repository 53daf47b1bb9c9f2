/// The problems of YAML files, kept where `gkm status` finds them.
#pragma once

#include "actors/node/paths.hpp"
#include "cli/cache_files.hpp"

#include <vector>

namespace gkm::cli {

/// <state>/problems.json: {"problems": [{"file", "line", "field", "message"}]}.
void write_problems(const node::paths& where, const std::vector<file_problem>& problems);
std::vector<file_problem> read_problems(const node::paths& where);

}  // namespace gkm::cli
