/// The problems of YAML files, kept where `gkm status` finds them.
#pragma once

#include "cli/cache_files.hpp"
#include "messages/paths.hpp"

#include <vector>

namespace gkm::cli {

/// <state>/problems.json: {"problems": [{"file", "line", "field", "message"}]}.
void write_problems(const paths& where, const std::vector<file_problem>& problems);
std::vector<file_problem> read_problems(const paths& where);

}  // namespace gkm::cli
