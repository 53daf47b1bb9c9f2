/// A bounded queue between two threads that either end may close, so that neither waits for a
/// thread that has given up.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace gkm::oci {

template <class T>
class bounded_queue {
public:
  explicit bounded_queue(size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False: the queue is closed, nobody will read the value.
  bool push(T value) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return closed_ || values_.size() < capacity_; });
    if (closed_) return false;
    values_.push_back(std::move(value));
    lock.unlock();
    filled_.notify_one();
    return true;
  }

  /// Waits for a value. Nothing: the queue is closed and has been read to its end.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [this] { return closed_ || !values_.empty(); });
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    lock.unlock();
    room_.notify_one();
    return value;
  }

  /// The producer's end: what is in the queue can still be read.
  void close() { shut(false); }
  /// The consumer's end: what is in the queue is dropped.
  void abandon() { shut(true); }

private:
  void shut(bool drop) {
    std::deque<T> dropped;  // destroyed without the lock
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
      if (drop) dropped.swap(values_);
    }
    room_.notify_all();
    filled_.notify_all();
  }

  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable filled_;
  std::deque<T> values_;
  bool closed_ = false;
};

}  // namespace gkm::oci
