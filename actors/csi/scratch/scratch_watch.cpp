#include "actors/csi/scratch/scratch_watch.hpp"

#include <algorithm>

namespace gkm::csi {
using steady = std::chrono::steady_clock;

scratch_watch::scratch_watch(const scratch_space& scratch, scratch_budget& budget,
                             std::function<void(const scratch_owner&)> over,
                             std::chrono::milliseconds pause)
    : scratch_(scratch), budget_(budget), over_(std::move(over)), pause_(pause), thread_([this] {
        run();
      }) {}

scratch_watch::~scratch_watch() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  end_.notify_all();
  thread_.join();
}

void scratch_watch::run() {
  std::unique_lock lock(mutex_);
  std::chrono::nanoseconds rest = pause_;
  while (!end_.wait_for(lock, rest, [this] { return ending_; })) {
    lock.unlock();
    auto began = steady::now();
    std::chrono::nanoseconds least = look() ? pause_ : pause_ * idle_factor;
    rest = std::max<std::chrono::nanoseconds>(least, (steady::now() - began) * rest_factor);
    lock.lock();
  }
}

bool scratch_watch::look() {
  auto owner = budget_.next();
  if (!owner) return false;
  auto use = scratch_.measure(owner->key);
  if (!use) return true;
  budget_.found(owner->key, use->bytes);
  if (owner->granted > 0 && use->bytes > owner->granted && over_) over_(*owner);
  return true;
}

}  // namespace gkm::csi
