/// A registry as a source (OCI distribution spec): tokens, retries, resumed blobs.
#pragma once

#include "oci/registry/credentials.hpp"
#include "oci/source.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gkm::net {
class engine;
}

namespace gkm::oci {

struct registry_options {
  /// "host" or "host:port" that may speak plain HTTP. Loopback hosts always may. Whether they do is
  /// found out by asking (endpoint.hpp has the rule).
  std::vector<std::string> plain_http_hosts;
  /// False: loopback hosts are as all others.
  bool trust_loopback = true;
  std::string ca_file;  ///< for all hosts, beside the system's own
  std::string client_cert_file;
  std::string client_key_file;
  /// What failed for now is tried this often in all, with growing pauses between.
  uint32_t attempts = 4;
  std::chrono::milliseconds first_retry_delay{200};
  std::chrono::milliseconds max_retry_delay{10'000};
};

/// The engine must outlive the source. One source serves many images and threads; it caches tokens
/// per (host, credentials, scope).
std::unique_ptr<source> make_registry_source(net::engine& http, credential_store credentials,
                                             registry_options options);

/// `oci:DIR[:TAG]`: an OCI layout directory.
std::unique_ptr<source> make_layout_source();

/// Both behind one: layout references go to the disk, the others to the registry.
std::unique_ptr<source> make_source(net::engine& http, credential_store credentials,
                                    registry_options options);

}  // namespace gkm::oci
