/// This node's private key, which opens the copies of pull secrets that are sealed for it.
///
/// It lasts, since each other key has the operator seal every copy anew: in a file of the state
/// directory that only the agent may read. Whoever reads it is root on the node, or the agent. To
/// have another one, remove the file and start the agent again.
#pragma once

#include "messages/errors.hpp"
#include "messages/paths.hpp"

#include <string>

namespace gkm::node {

/// The key in the file, or a new one that is there from then on. Needs the lock of the state
/// directory. A key that cannot be kept is used until the agent ends.
result<std::string> own_pull_secret_key(const paths& where);

}  // namespace gkm::node
