/// The table of `kubectl gkm status`: what people see of a cluster's lines. Text from the cluster
/// is made printable here.
#pragma once

#include "cli/cluster/cluster_rows.hpp"
#include "cli/output/table.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace gkm::cli {

std::vector<std::string> cluster_header(bool wide);
std::vector<cell> cluster_cells(const cluster_row& row, const cluster_snapshot& picture, bool wide,
                                int64_t now_unix_s);
/// The line of what is there no more.
std::vector<cell> gone_cells(const line_key& line, bool wide);

/// All but the age, which is another all the time.
size_t hash_of(const std::vector<cell>& cells);

/// "2 MI250X, 1 H100"; "-" if there is none.
std::string gpu_types(const std::vector<gpu_group>& groups);

/// Of text that a cluster's objects hold: one line, nothing that a terminal would act on.
std::string plain(const std::string& text);

}  // namespace gkm::cli
