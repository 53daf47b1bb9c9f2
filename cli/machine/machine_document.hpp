/// This machine's caches for programs, in the form that a cluster's have (cluster_document.hpp).
#pragma once

#include "cli/machine/machine.hpp"

#include <rapidjson/document.h>

#include <string>

namespace gkm::cli {

/// `node`: what this machine is called.
rapidjson::Document machine_document(const machine_state& m, const std::string& node);

}  // namespace gkm::cli
