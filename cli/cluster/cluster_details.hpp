/// One cache of a cluster in detail, for people.
#pragma once

#include "cli/cluster/cluster_rows.hpp"

#include <cstdint>
#include <string>

namespace gkm::cli {

/// Lines: the cache's own, its conditions, then each node with its digests, GPUs and pods.
std::string cluster_details(const cluster_snapshot& picture, const cache_object& cache,
                            int64_t now_unix_s);

}  // namespace gkm::cli
