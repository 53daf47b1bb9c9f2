/// Image references to digests, asked of registries with a cache's own pull secrets.
///
/// Each answer comes within `limit`. Who names the image is a stranger: hosts on this machine or
/// its link, and plain HTTP, are asked only where `allowed_hosts` lists them, whatever name,
/// redirect or token realm leads there. An answer is remembered for a moment for the same image and
/// the very same credentials, and for nobody else.
#pragma once

#include "actors/operator/ports.hpp"
#include "k8s/resource.hpp"
#include "messages/answer.hpp"
#include "messages/cluster.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gkm::k8s {
class client;
class object;
}  // namespace gkm::k8s

namespace gkm::cluster {

/// Reads one Secret.
using secret_reader = std::function<void(const k8s::object_key&, answer<k8s::object>)>;
/// `client` must outlive it.
secret_reader secrets_of(k8s::client& client);

struct resolver_options {
  std::string own_ns = "gkm-system";  ///< where the secrets of caches without one are
  std::vector<std::string>
      allowed_hosts;          ///< "host" or "host:port": may be local, speak plain HTTP
  std::string ca_file;        ///< trusted beside the system's own
  size_t threads = 16;        ///< registries asked at a time
  size_t waiting = 256;       ///< further questions; more fail as busy
  size_t threads_of_one = 4;  ///< of these, for one namespace: its registry may be a slow one
  size_t open_of_one = 64;    ///< questions of one namespace; more fail as busy
  std::chrono::milliseconds limit{8'000};
  std::chrono::milliseconds memory{5'000};  ///< how old an answer may be
};

class registry_resolver : public resolver_port {
public:
  registry_resolver(secret_reader secrets, resolver_options options);
  /// What is open is answered with errc::cancelled.
  ~registry_resolver() override;
  registry_resolver(const registry_resolver&) = delete;
  registry_resolver& operator=(const registry_resolver&) = delete;

  /// The digest of the manifest or index that `cache.image` names. errc::invalid_argument for a
  /// malformed reference or secret, not_found for the image or a secret, unauthorized, refused for
  /// a host that may not be asked, unavailable. A reference with a digest is asked for, too: only
  /// who may read it can have it.
  void resolve(const cluster_cache& cache, answer<digest> reply) override;
  void resolve_within(std::chrono::milliseconds limit, const cluster_cache& cache,
                      answer<digest> reply);

private:
  class work;
  std::shared_ptr<work> work_;
};

}  // namespace gkm::cluster
