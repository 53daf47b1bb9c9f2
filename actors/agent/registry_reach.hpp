/// Where an agent goes for images. Whoever writes a cache's image chooses the host, and a node has
/// neighbours that only it can reach: no connection is made to a loopback, link-local or multicast
/// address, whatever name, redirect or token realm leads there, but for the hosts that
/// --plain-http, or gkm.registry.plain-http in gkm-config, lists.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gkm::net {
struct engine_options;
}
namespace gkm::oci {
class credential_store;
class source;
struct registry_options;
struct registry_settings;
}  // namespace gkm::oci

namespace gkm::node {

net::engine_options registry_engine_options(std::string user_agent,
                                            const std::vector<std::string>& plain_http_hosts);
/// `ca_file` is trusted beside the system's own.
oci::registry_options registry_options(std::string ca_file,
                                       const std::vector<std::string>& plain_http_hosts);

/// The way to registries, made anew when settings change. A source holds the one that it was opened
/// by to its end. Any thread may call.
class reachable_registries {
public:
  /// Wraps a source before it is handed out.
  using wrapping = std::function<std::unique_ptr<oci::source>(std::unique_ptr<oci::source>)>;

  reachable_registries(std::string user_agent, const oci::registry_settings& first);
  ~reachable_registries();
  reachable_registries(const reachable_registries&) = delete;
  reachable_registries& operator=(const reachable_registries&) = delete;

  void set(const oci::registry_settings& now);
  /// Without logins: shared by all who ask so.
  std::shared_ptr<oci::source> open();
  std::shared_ptr<oci::source> open(oci::credential_store logins, const wrapping& wrap = {});

private:
  struct way;
  std::shared_ptr<way> now();

  const std::string user_agent_;
  std::mutex mutex_;
  std::shared_ptr<way> way_;
};

}  // namespace gkm::node
