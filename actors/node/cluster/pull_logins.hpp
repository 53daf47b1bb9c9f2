/// Images for caches that name pull secrets: the secrets are read when an image is asked for, kept
/// in memory while it is, and nowhere after.
#pragma once

#include "messages/errors.hpp"

#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::k8s {
class client;
}
namespace gkm::net {
class engine;
}
namespace gkm::oci {
class credential_store;
class source;
struct registry_options;
}  // namespace gkm::oci

namespace gkm::node {

class pull_logins {
public:
  /// `client`, `http` and `options` must outlive this. `copies_ns` is where the operator puts
  /// copies of pull secrets: agents may read nowhere else.
  pull_logins(k8s::client& client, net::engine& http, const oci::registry_options& options,
              std::string copies_ns);
  ~pull_logins();

  /// Secrets are named "namespace/name". One that is not there, yet, is done without: the image may
  /// be anybody's to read. Blocks until the API has answered, which may be asked again for a
  /// moment, or `stop` is asked for.
  result<std::shared_ptr<oci::source>> open(const std::vector<std::string>& pull_secrets,
                                            std::stop_token stop);

private:
  result<std::string> read(const std::string& secret, const std::stop_token& stop);
  result<std::string> read_copy(const std::string& copy, const std::stop_token& stop);
  bool is_known_missing(const std::string& copy);
  void note_missing(const std::string& copy, bool is_missing);

  k8s::client& client_;
  net::engine& http_;
  const oci::registry_options& options_;
  const std::string copies_ns_;
  const std::shared_ptr<oci::source> anybody_;  ///< for caches without secrets: shared
  std::mutex mutex_;
  std::set<std::string> missing_;  ///< copies that were waited for once, in vain
};

/// The registry logins in the `data` of a Secret, which is base64 there, of either kind:
/// ".dockerconfigjson" or ".dockercfg". `errc::invalid_argument` names neither user nor password.
result<oci::credential_store> logins_in(std::string_view docker_config_base64);

}  // namespace gkm::node
