/// Reads a state directory back after a restart, and sweeps what an earlier life left half-done.
#pragma once

#include "messages/cache.hpp"
#include "messages/paths.hpp"

#include <string>

namespace gkm::node {

/// Puts back what was being taken out of the store, empties the rest of staging; drops from the
/// store what another boot left unsynced and what is not whole; reads the catalog. A record that
/// does not parse, or lies in another cache's directory, is renamed to record.json.rejected,
/// logged, and returned without an image, so that it is forgotten unless somebody wants the cache.
/// Fails only if the directories cannot be read at all.
result<recovered> recover_state(const paths& p, const std::string& boot);

}  // namespace gkm::node
