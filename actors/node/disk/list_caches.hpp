/// Which caches have a directory in the catalog.
#pragma once

#include "messages/paths.hpp"

#include <vector>

namespace gkm::node {

/// The cache directories below `p.caches()`; what is no valid name is left out.
std::vector<cache_ref> list_caches(const paths& p);

}  // namespace gkm::node
