/// The works of an election: what was last seen of the lease, and the one write in flight.
#pragma once

#include "k8s/lease.hpp"
#include "k8s/watcher.hpp"

#include <mutex>

namespace gkm::k8s {

class leader_election::campaign : public std::enable_shared_from_this<campaign> {
public:
  campaign(client& from, lease_options options, lease_callbacks callbacks);

  void begin();
  void stop(answer<done> reply);
  void abandon();
  bool leads() const;

private:
  using clock = std::chrono::steady_clock;

  void seen(const object& lease);
  void seen_gone();
  void consider();
  void write(bool resign);
  void written(const result<object>& answered, clock::time_point asked_at, bool resign);
  void look_again();
  void renewed(clock::time_point asked_at);
  void lose(const std::string& why);
  void resign();
  std::string body(bool resign) const;
  std::chrono::milliseconds free_in() const;
  void later(std::chrono::milliseconds pause, void (campaign::*step)());
  void renew();
  void check_deadline();

  client& from_;
  const lease_options options_;
  const lease_callbacks callbacks_;

  /// Held while callbacks run; recursive, so that they may call `stop`.
  mutable std::recursive_mutex mutex_;
  std::unique_ptr<watcher> watcher_;
  bool known_ = false;  ///< `lease_` is what the server said, if only that there is none
  object lease_;        ///< none: there is none
  clock::time_point changed_at_{};  ///< when `lease_` was first seen to be so
  bool leads_ = false;
  clock::time_point renewed_at_{};  ///< when the last renewal that worked was asked for
  bool writing_ = false;
  bool stopped_ = false;
  answer<done> on_resigned_;
};

}  // namespace gkm::k8s
