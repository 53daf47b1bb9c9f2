/// Images for caches that name pull secrets: the secrets are read when an image is asked for, kept
/// in memory while it is, and nowhere after.
#pragma once

#include "messages/errors.hpp"

#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace gkm::k8s {
class client;
class object;
}  // namespace gkm::k8s
namespace gkm::oci {
class source;
}

namespace gkm::node {

class reachable_registries;

class pull_logins {
public:
  /// Where the operator puts copies of pull secrets, sealed: agents may read nowhere else.
  struct sealed_copies {
    std::string ns;
    std::string node;         ///< this one
    std::string private_key;  ///< its key
  };

  /// `client` and `registries` must outlive this.
  pull_logins(k8s::client& client, reachable_registries& registries, sealed_copies copies);
  ~pull_logins();

  /// Secrets are named "namespace/name". One that is not there, yet, is done without: the image may
  /// be anybody's to read. `errc::unavailable`: one is there, and not sealed for this node, yet.
  /// Blocks until the API has answered, which may be asked again for a
  /// moment, or `stop` is asked for.
  result<std::shared_ptr<oci::source>> open(const std::vector<std::string>& pull_secrets,
                                            std::stop_token stop);

private:
  result<std::string> read(const std::string& secret, const std::stop_token& stop);
  result<std::string> read_copy(const std::string& copy, const std::stop_token& stop);
  result<k8s::object> read_part(const std::string& copy, size_t part, const std::stop_token& stop);
  bool is_known_missing(const std::string& copy);
  void note_missing(const std::string& copy, bool is_missing);

  k8s::client& client_;
  reachable_registries& registries_;
  const sealed_copies copies_;
  std::mutex mutex_;
  std::set<std::string> missing_;  ///< copies that were waited for once, in vain
};

/// The Docker configuration in a part of a copy. `errc::unavailable`: it is not sealed for this
/// node.
result<std::string> open_copy(const k8s::object& part, const pull_logins::sealed_copies& ours);

}  // namespace gkm::node
