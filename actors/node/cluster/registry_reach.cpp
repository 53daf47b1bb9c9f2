#include "actors/node/cluster/registry_reach.hpp"

#include "actors/node/puller.hpp"
#include "net/http.hpp"
#include "oci/registry.hpp"

namespace gkm::node {

net::engine_options registry_engine_options(std::string user_agent,
                                            const std::vector<std::string>& plain_http_hosts) {
  net::engine_options options;
  options.user_agent = std::move(user_agent);
  options.plain_http_hosts = plain_http_hosts;
  options.local_addresses = false;
  options.local_hosts = plain_http_hosts;
  // Turns are taken before a request is made: none waits again behind others at the same registry.
  options.connections_per_host = transfers_max + questions_max;
  return options;
}

oci::registry_options registry_options(std::string ca_file,
                                       const std::vector<std::string>& plain_http_hosts) {
  oci::registry_options options;
  options.plain_http_hosts = plain_http_hosts;
  options.trust_loopback = false;
  options.ca_file = std::move(ca_file);
  return options;
}

}  // namespace gkm::node
