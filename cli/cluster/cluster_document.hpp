/// What `kubectl gkm status -o json` prints. Programs rely on it: fields may be added, none changes
/// its name or meaning. The --help of status says what there is.
#pragma once

#include "cli/cluster/cluster_rows.hpp"

#include <rapidjson/document.h>

#include <string>
#include <vector>

namespace gkm::cli {

/// `notes`: why something is not shown.
rapidjson::Document cluster_document(const cluster_snapshot& picture,
                                     const std::vector<std::string>& notes);

/// As it is, but '?' for what a terminal would act on and JSON lets through.
std::string harmless(std::string_view text);

}  // namespace gkm::cli
