/// GKM's own webhook certificates, kept in a Secret of its namespace: the leader makes and rotates
/// them (rotation.hpp), everybody reads.
///
///   Secret ──watch──▶ state ──▶ identity for the server
///                       └─ leading: plan_rotation ──differs──▶ write, only over what was read
#pragma once

#include "actors/operator/tls/rotation.hpp"
#include "actors/operator/tls/serving_identity.hpp"
#include "k8s/client.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace gkm::op {

using wall_time = std::function<int64_t()>;  ///< seconds since 1970

class certificate_secret {
public:
  /// `changed` is called from the client's thread. `client` must outlive this.
  certificate_secret(k8s::client& client, k8s::object_key where, rotation_rules rules,
                     wall_time now, identity_observer changed);
  /// No call of `changed` after it.
  ~certificate_secret();
  certificate_secret(const certificate_secret&) = delete;
  certificate_secret& operator=(const certificate_secret&) = delete;

  /// Whether this process is the one that writes. From any thread.
  void lead(bool leading);
  /// Looks at the time again, as it does by itself when something is due.
  void review();

private:
  class impl;
  std::shared_ptr<impl> impl_;
};

/// The Secret's JSON, and back. What is missing or no base64 is empty.
std::string print_certificate_secret(const k8s::object_key& where, const certificate_state& state,
                                     std::string_view resource_version);
certificate_state parse_certificate_secret(const k8s::object& secret);

}  // namespace gkm::op
