#include "actors/operator/fair_pool.hpp"

namespace gkm::cluster {

void fair_pool::post(const std::string& owner, std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    if (finishing_) return;
    auto& q = queues_[owner];
    if (q.running == share_) {
      q.waiting.push_back(std::move(job));
      return;
    }
    ++q.running;
  }
  start(owner, std::move(job));
}

void fair_pool::start(const std::string& owner, std::function<void()> job) {
  pool_.post([this, owner, job = std::move(job)] {
    job();
    ended(owner);
  });
}

void fair_pool::ended(const std::string& owner) {
  std::function<void()> next;
  {
    std::lock_guard lock(mutex_);
    auto at = queues_.find(owner);
    auto& q = at->second;
    if (q.waiting.empty()) {
      if (--q.running == 0) queues_.erase(at);
      return;
    }
    next = std::move(q.waiting.front());
    q.waiting.pop_front();
  }
  start(owner, std::move(next));
}

void fair_pool::finish() {
  {
    std::lock_guard lock(mutex_);
    finishing_ = true;
    for (auto& [owner, q] : queues_) q.waiting.clear();
  }
  pool_.finish();
}

}  // namespace gkm::cluster
