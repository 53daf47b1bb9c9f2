#include "base/worker_pool.hpp"

namespace gkm::base {

worker_pool::worker_pool(size_t threads) : limit_(threads) {}

worker_pool::~worker_pool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  wake_.notify_all();
  threads_.clear();
}

void worker_pool::post(std::function<void()> job) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  jobs_.push_back(std::move(job));
  if (idle_ < jobs_.size() && threads_.size() < limit_)
    threads_.emplace_back([this] { work(); });
  else
    wake_.notify_one();
}

void worker_pool::finish() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return running_ == 0 && jobs_.empty(); });
}

void worker_pool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    ++running_;
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    --running_;
    if (running_ == 0 && jobs_.empty()) ended_.notify_all();
  }
}

}  // namespace gkm::base
