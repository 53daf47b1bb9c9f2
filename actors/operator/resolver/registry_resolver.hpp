/// Image references to digests, asked of registries with a cache's own pull secrets.
///
/// Who names the image is a stranger: hosts on this machine or its link, and plain HTTP, are asked
/// only where `allowed_hosts` lists them, whatever name, redirect or token realm leads there.
///
/// A tag is asked for each time. Who asks the same with the very same credentials, while that is
/// being asked, gets the same answer; what is remembered for a moment is that somebody may read a
/// digest, as admission asks for it twice.
///
/// Questions take turns by namespace. Those of the leader and of API servers that proved who they
/// are wait in one place, with namespaces that are true; those that anybody may have asked in
/// another, where a namespace is only what the caller says: it keeps tenants apart while API
/// servers are all who call, and whoever else does so can hold up such questions and no others.
#pragma once

#include "actors/operator/ports.hpp"
#include "base/turns.hpp"
#include "k8s/objects/resource.hpp"
#include "messages/answer.hpp"
#include "messages/cache_object.hpp"
#include "messages/names.hpp"
#include "net/address_range.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gkm::k8s {
class client;
class object;
}  // namespace gkm::k8s
namespace gkm::oci {
struct registry_settings;
}

namespace gkm::op {

/// Threads that ask registries, and questions that wait for one. A namespace has less than half of
/// the threads, so that two do not have them all. A question that waits is a cache's name, an image
/// and secrets' names: about 1 KiB.
inline constexpr base::turn_limits resolver_turns_max{
    .places = 10, .places_of_one = 4, .waiting = 8'192, .waiting_of_one = 2'048};
/// The same for questions that anybody may have asked; their callers wait, too.
inline constexpr base::turn_limits unproven_turns_max{
    .places = 6, .places_of_one = 2, .waiting = 24, .waiting_of_one = 6};
/// Of a manifest or index; those of images have some hundreds.
inline constexpr size_t resolver_manifest_values_max = 50'000;

/// Reads one Secret.
using secret_reader = std::function<void(const k8s::object_key&, answer<k8s::object>)>;
/// `client` must outlive it.
secret_reader secrets_of(k8s::client& client);

struct resolver_options {
  std::string own_ns = names::system_namespace;  ///< where the secrets of caches without one are
  /// "host" or "host:port": may be local, speak plain HTTP, have an address that is denied.
  std::vector<std::string> allowed_hosts;
  std::vector<net::address_range> denied_addresses;
  std::string ca_file;  ///< trusted beside the system's own
  base::turn_limits turns = resolver_turns_max;
  base::turn_limits unproven_turns = unproven_turns_max;
  std::chrono::milliseconds limit{8'000};   ///< for an answer, once it is a question's turn
  std::chrono::milliseconds memory{5'000};  ///< how old an answer about a digest may be
};

/// Who asks while a request of somebody else waits.
struct review_caller {
  bool proven = false;                ///< it is an API server. Else no Secret is read for it
  std::chrono::milliseconds limit{};  ///< for everything
  std::chrono::milliseconds turn{};   ///< for its turn to come; then errc::busy
};

class registry_resolver : public resolver_port {
public:
  registry_resolver(secret_reader secrets, resolver_options options);
  /// What is open is answered with errc::cancelled.
  ~registry_resolver() override;
  registry_resolver(const registry_resolver&) = delete;
  registry_resolver& operator=(const registry_resolver&) = delete;

  /// For the leader, of a cache that it read itself. The digest of the manifest or index that
  /// `cache.image` names. errc::invalid_argument for a malformed reference or secret's name,
  /// not_found for the image or a secret, unauthorized (a secret that is none, too), refused for a
  /// host that may not be asked, unavailable, busy. A reference with a digest is asked for, too:
  /// only who may read it can have it.
  void resolve(const cache_object& cache, std::stop_token stop, answer<digest> reply) override;
  /// For a review. The question of an answer that comes too late is stopped, and its thread free.
  void resolve_for(const review_caller& caller, const cache_object& cache, answer<digest> reply);

  /// In the place of `allowed_hosts` and `ca_file`, from the next question on.
  void set_registries(const oci::registry_settings& now);

private:
  class work;
  std::shared_ptr<work> work_;
};

}  // namespace gkm::op
