/// Where the asking thread and the loop thread meet over one request: the head, then blocks of the
/// body, then the end. Owned by both. The loop never waits here; the asker does.
#pragma once

#include "net/response_consumer.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace gkm::net {

constexpr size_t max_waiting_chunks = 4;     ///< full ones; then the transfer pauses
constexpr size_t resume_waiting_chunks = 2;  ///< at or below this many it goes on

class exchange final : public response_consumer {
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

  void put_head(response_head head) override;
  bool take(std::string_view) override { return false; }
  bool put_full(base::chunk full) override;
  void give_partial(base::chunk partial) override;
  base::chunk take_back() override;
  bool pause() override;
  bool wants_resume() override { return resume_.exchange(false, std::memory_order_acq_rel); }
  void end(std::optional<error> failure) override;
  bool cancelled() const override { return cancelled_.load(std::memory_order_acquire); }

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
