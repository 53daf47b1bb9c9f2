/// This machine's caches as people read them.
#pragma once

#include "cli/machine/machine.hpp"
#include "cli/output/table.hpp"

#include <string>
#include <vector>

namespace gkm::cli {

struct machine_columns {
  bool wide = false;
  bool pods = false;  ///< some pod uses a cache
};
machine_columns columns_for(const machine_state& m, bool wide);

std::vector<std::string> machine_header(const machine_columns& c);
/// `m` is for the mounts.
std::vector<cell> machine_cells(const cache_status& s, const machine_state& m,
                                const machine_columns& c, int64_t now_unix_s);

/// The table, the mounts, warnings, mistakes in files, and what to do next.
std::string machine_text(const machine_state& m, bool wide, size_t columns, bool colours,
                         int64_t now_unix_s);

}  // namespace gkm::cli
