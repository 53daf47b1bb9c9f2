/// The ports of the operator's actors: everything that blocks or touches the world. Each has one
/// real implementation (in actors/operator/kube and actors/operator/resolver) and one fake (in
/// tests/support/sim). A port never calls back into an actor: it answers, once, from any thread.
#pragma once

#include "actors/operator/rollout.hpp"
#include "messages/answer.hpp"
#include "messages/cache_object.hpp"

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace gkm::op {

/// One line that `kubectl describe` shows.
struct cache_event {
  bool warning = false;
  std::string reason;  ///< one word in CamelCase
  std::string note;

  bool operator==(const cache_event&) const = default;
};

/// Caches in the API. Every write holds only for the version that `seen` is: errc::conflict if the
/// object is another by now, errc::not_found if it is gone. The answer is the object as it then is.
class api_port {
public:
  virtual ~api_port() = default;
  virtual void write_status(const cache_object& seen, const cache_object_status& wanted,
                            answer<cache_object> reply) = 0;
  /// GKM's finalizer and no other.
  virtual void add_finalizer(const cache_object& seen, answer<cache_object> reply) = 0;
  virtual void remove_finalizer(const cache_object& seen, answer<cache_object> reply) = 0;
  virtual void read(const cache_ref& ref, answer<cache_object> reply) = 0;
  /// Names of pods that have a GKMCache mounted, as the reports of these nodes list them, in order.
  virtual void read_pods(const cache_ref& ref, const std::vector<std::string>& nodes,
                         answer<std::vector<std::string>> reply) = 0;
  /// A courtesy: what cannot be recorded is dropped.
  virtual void record(const cache_object& about, const cache_event& event) = 0;
  /// The CSIDriver object is as GKM needs it.
  virtual void ensure_driver(answer<done> reply) = 0;
};

/// A secret by where it is.
struct secret_ref {
  std::string ns;
  std::string name;

  auto operator<=>(const secret_ref&) const = default;
};

/// A pull secret, read.
struct registry_login {
  std::string version;  ///< another one: the secret may be another
  std::string text;     ///< a Docker configuration
};

/// One part of a copy of a pull secret, as it is in the API, but for what is sealed in it.
struct copied_part {
  std::string name;
  size_t parts = 1;     ///< that the copy has
  std::string version;  ///< of the secret
  std::string sealed_for;

  bool operator==(const copied_part&) const = default;
};

/// Pull secrets of all namespaces, and the copies of them in a namespace that holds nothing else.
class secrets_port {
public:
  virtual ~secrets_port() = default;
  /// errc::not_found: there is no such secret. errc::invalid_argument: it is no pull secret.
  /// errc::limit_exceeded: it is larger than `pull_secret_bytes_max`.
  virtual void read_login(const secret_ref& from, answer<registry_login> reply) = 0;
  /// Whatever was there under this name. `of` is for people.
  virtual void write_part(const secret_ref& of, const copied_part& part, const std::string& sealed,
                          answer<done> reply) = 0;
  /// True if it is gone, also if it was before.
  virtual void drop_part(const std::string& name, answer<done> reply) = 0;
  virtual void list_parts(answer<std::vector<copied_part>> reply) = 0;
};

/// GKM's own DaemonSets.
class rollouts_port {
public:
  virtual ~rollouts_port() = default;
  virtual void read(const std::string& daemon, answer<daemon_set> reply) = 0;
  /// In one write, and only if it is still of `wanted.version`, else errc::conflict.
  virtual void write(const daemon_set& wanted, answer<done> reply) = 0;
  /// Tells people that a setting of theirs was not taken.
  virtual void complain(const bad_setting& about) = 0;
};

/// Images whose digest nobody pinned.
class resolver_port {
public:
  virtual ~resolver_port() = default;
  /// What the image's reference names now, asked with the cache's own pull secrets. Once `stop` is
  /// requested nothing is done for it any more, and the answer is errc::cancelled.
  virtual void resolve(const cache_object& cache, std::stop_token stop, answer<digest> reply) = 0;
};

/// Wall-clock time. Actors measure time with the actor clock.
class clock_port {
public:
  virtual ~clock_port() = default;
  virtual int64_t unix_seconds() = 0;
};

}  // namespace gkm::op
