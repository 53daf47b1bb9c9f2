/// The pauses of base/backoff.hpp, under the names that the node's actors use.
#pragma once

#include "base/backoff.hpp"

namespace gkm::node {

using base::longest_pause;
using base::pause_after;

}  // namespace gkm::node
