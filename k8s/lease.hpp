/// Leader election by a Lease: at most one process leads at any moment.
///
///   following ──lease free or expired──▶ trying ──written──▶ leading ──renewed in time──▶ leading
///       ▲                                  │ conflict            │ deadline passed, taken, stop
///       └──────────────────────────────────┴─────────────────────┘
#pragma once

#include "k8s/client.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace gkm::k8s {

struct lease_options {
  object_key lease;      ///< its namespace and name
  std::string identity;  ///< of this process; no other may have it: the pod's name and its uid
  std::chrono::milliseconds duration{15'000};  ///< unrenewed for so long, it is free for others
  std::chrono::milliseconds renew_deadline{10'000};  ///< unrenewed for so long, the leader resigns
  std::chrono::milliseconds retry{2'000};            ///< between renewals, and between tries
};

/// From the client's thread; both must return soon.
struct lease_callbacks {
  std::function<void()> gained;
  /// Called before anybody else can gain it: whoever led must stop acting now.
  std::function<void(const std::string& why)> lost;
};

/// Expiry is judged by this machine's steady time since the lease was last seen to change: clocks
/// need not agree.
class leader_election {
public:
  /// `from` must outlive this. `errc::invalid_argument` if the times are not
  /// retry < renew_deadline < duration.
  static result<std::unique_ptr<leader_election>> start(client& from, lease_options options,
                                                        lease_callbacks callbacks);
  /// Like `stop`, but waits for nothing: the lease runs out by itself.
  ~leader_election();
  leader_election(const leader_election&) = delete;
  leader_election& operator=(const leader_election&) = delete;

  bool leads() const;
  /// Resigns: `lost` if it led, then the lease is given back, so that the next leader need not
  /// wait. No callback comes after `lost`.
  void stop(answer<done> reply);

private:
  class impl;
  explicit leader_election(std::shared_ptr<impl> c);
  std::shared_ptr<impl> impl_;
};

}  // namespace gkm::k8s
