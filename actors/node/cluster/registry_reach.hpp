/// Where an agent goes for images. Whoever writes a cache's image chooses the host, and a node has
/// neighbours that only it can reach: no connection is made to a loopback, link-local or multicast
/// address, whatever name, redirect or token realm leads there, but for the hosts that
/// --plain-http lists.
#pragma once

#include <string>
#include <vector>

namespace gkm::net {
struct engine_options;
}
namespace gkm::oci {
struct registry_options;
}

namespace gkm::node {

net::engine_options registry_engine_options(std::string user_agent,
                                            const std::vector<std::string>& plain_http_hosts);
/// `ca_file` is trusted beside the system's own.
oci::registry_options registry_options(std::string ca_file,
                                       const std::vector<std::string>& plain_http_hosts);

}  // namespace gkm::node
