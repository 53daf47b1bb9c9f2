/// How pods use a cache, in words for a table.
#pragma once

#include "messages/cache.hpp"

#include <string>

namespace gkm::cli {

/// "2": pods that use the digest that is served; "1 +1 old": one uses a digest before it; "0 +1
/// empty": one got an empty directory instead; "-": none.
std::string pods_cell(const cache_status& s);

/// The digests before the one that is served that pods still use, shortened; "-": none.
std::string old_digests_cell(const cache_status& s);

}  // namespace gkm::cli
