#include "net/exchange.hpp"

namespace gkm::net {

error exchange::cancelled_error() const {
  return {errc::cancelled, "request to '" + origin_ + "' was cancelled", {}};
}

result<response_head> exchange::wait_for_head() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return cancelled() || head_ || ended_; });
  if (cancelled()) return fail(cancelled_error());
  if (head_) return *std::exchange(head_, std::nullopt);
  return fail(failure_ ? *failure_
                       : error{errc::unavailable, "no answer from '" + origin_ + "'", {}});
}

result<base::chunk> exchange::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return cancelled() || !ready_.empty() || ended_; });
  if (cancelled()) return fail(cancelled_error());
  if (ready_.empty()) {
    if (failure_) return fail(*failure_);
    return base::chunk{};
  }
  auto taken = std::move(ready_.front());
  ready_.pop_front();
  if (ready_.empty()) last_is_lent_ = false;
  bool resume = paused_ && !ended_ && ready_.size() <= resume_waiting_chunks;
  if (resume) {
    paused_ = false;
    resume_.store(true, std::memory_order_release);
  }
  lock.unlock();
  if (resume) wake_();
  return taken;
}

void exchange::cancel() {
  bool running = false;
  {
    std::lock_guard lock(mutex_);
    if (cancelled()) return;
    cancelled_.store(true, std::memory_order_release);
    running = !ended_;
  }
  changed_.notify_all();
  if (running) wake_();
}

void exchange::put_head(response_head head) {
  {
    std::lock_guard lock(mutex_);
    head_ = std::move(head);
  }
  changed_.notify_all();
}

bool exchange::put_full(base::chunk full) {
  bool at_limit = false;
  {
    std::lock_guard lock(mutex_);
    ready_.push_back(std::move(full));
    at_limit = ready_.size() >= max_waiting_chunks;
  }
  changed_.notify_all();
  return at_limit;
}

void exchange::give_partial(base::chunk partial) {
  {
    std::lock_guard lock(mutex_);
    ready_.push_back(std::move(partial));
    last_is_lent_ = true;
  }
  changed_.notify_all();
}

base::chunk exchange::take_back() {
  std::lock_guard lock(mutex_);
  if (!last_is_lent_) return {};
  last_is_lent_ = false;
  auto lent = std::move(ready_.back());
  ready_.pop_back();
  return lent;
}

bool exchange::pause() {
  std::lock_guard lock(mutex_);
  paused_ = ready_.size() >= max_waiting_chunks;
  return paused_;
}

void exchange::end(std::optional<error> failure) {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    failure_ = std::move(failure);
  }
  changed_.notify_all();
}

}  // namespace gkm::net
