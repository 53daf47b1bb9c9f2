#include "actors/agent/registry_reach.hpp"

#include "actors/node/ports.hpp"
#include "net/http.hpp"
#include "oci/registry/registry_settings.hpp"

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

struct reachable_registries::way {
  way(const std::string& user_agent, const oci::registry_settings& now)
      : options(registry_options(now.ca_file, now.plain_http_hosts)),
        http(registry_engine_options(user_agent, now.plain_http_hosts)),
        anybody(oci::make_cluster_source(http, {}, options)) {}

  const oci::registry_options options;
  net::engine http;
  const std::unique_ptr<oci::source> anybody;
};

reachable_registries::reachable_registries(std::string user_agent,
                                           const oci::registry_settings& first)
    : user_agent_(std::move(user_agent)), way_(std::make_shared<way>(user_agent_, first)) {}

reachable_registries::~reachable_registries() = default;

void reachable_registries::set(const oci::registry_settings& now) {
  auto made = std::make_shared<way>(user_agent_, now);
  std::lock_guard lock(mutex_);
  // The one before ends after the lock, or with the last who asks by it.
  way_.swap(made);
}

std::shared_ptr<reachable_registries::way> reachable_registries::now() {
  std::lock_guard lock(mutex_);
  return way_;
}

std::shared_ptr<oci::source> reachable_registries::open() {
  auto by = now();
  auto* source = by->anybody.get();
  return {std::move(by), source};
}

std::shared_ptr<oci::source> reachable_registries::open(oci::credential_store logins,
                                                        const wrapping& wrap) {
  struct held {
    std::shared_ptr<way> by;
    std::unique_ptr<oci::source> source;  // ends first
  };
  auto by = now();
  auto source = oci::make_cluster_source(by->http, std::move(logins), by->options);
  if (wrap) source = wrap(std::move(source));
  auto all = std::make_shared<held>(held{std::move(by), std::move(source)});
  auto* opened = all->source.get();
  return {std::move(all), opened};
}

}  // namespace gkm::node
