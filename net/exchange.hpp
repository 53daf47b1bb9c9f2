/// Where the asking thread and the loop thread meet over one request: the head, then blocks of the
/// body, then the end. Owned by both. The loop never waits here; the asker does.
#pragma once

#include "base/byte_stream.hpp"
#include "net/http.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace gkm::net {

constexpr size_t chunk_bytes = 256 * 1024;
constexpr size_t max_waiting_chunks = 4;     ///< full ones; then the transfer pauses
constexpr size_t resume_waiting_chunks = 2;  ///< at or below this many it goes on

class exchange {
public:
  /// `wake` makes the loop look at this exchange; it is called without a lock held.
  exchange(std::string origin, std::function<void()> wake)
      : origin_(std::move(origin)), wake_(std::move(wake)) {}

  // The asker's side.

  result<response_head> wait_for_head();
  /// An empty chunk at the end.
  result<base::chunk> next();
  /// From any thread, any number of times: both waits above end with `errc::cancelled`.
  void cancel();

  // The loop's side.

  void put_head(response_head head);
  /// True if the backlog is full now.
  bool put_full(base::chunk full);
  /// A block with room left, given out because nothing more is there right now.
  void lend(base::chunk partial);
  /// The lent block, to fill on, if nobody took it yet; else an empty one without capacity.
  base::chunk take_back();
  /// True: the backlog is full still, and `wants_resume` will turn true once it is not.
  bool pause();
  void end(std::optional<error> failure);

  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
  /// True once after each pause that is over.
  bool wants_resume() { return resume_.exchange(false, std::memory_order_acq_rel); }

private:
  error cancelled_error() const;

  const std::string origin_;
  const std::function<void()> wake_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> resume_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<response_head> head_;
  std::deque<base::chunk> ready_;
  bool last_is_lent_ = false;
  bool paused_ = false;
  bool ended_ = false;
  std::optional<error> failure_;
};

}  // namespace gkm::net
