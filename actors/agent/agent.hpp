/// gkm-agent, put together: the actors of a node between the Kubernetes API and the disk.
#pragma once

#include "actors/agent/settings.hpp"
#include "messages/errors.hpp"

#include <functional>

namespace gkm::node {

/// Runs until `wait` returns, then ends in order. `errc::busy`: another one uses the state
/// directory.
result<void> run_agent(const settings& s, const std::function<void()>& wait);

}  // namespace gkm::node
