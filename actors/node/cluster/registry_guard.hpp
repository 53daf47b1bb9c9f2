/// Which registries an agent may be sent to: whoever writes a cache's image chooses the host, and a
/// node has neighbours that only it can reach.
#pragma once

#include "oci/source.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::node {

/// "host" or "host:port" is the node itself, or of its link: a loopback, link-local or unspecified
/// address, or "localhost".
bool is_node_local(std::string_view host);

/// `of`, but for node-local hosts that are not among `allowed` ("host" or "host:port"): those are
/// `errc::refused`.
std::unique_ptr<oci::source> guarded(std::unique_ptr<oci::source> of,
                                     std::vector<std::string> allowed);

}  // namespace gkm::node
