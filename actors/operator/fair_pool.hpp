/// A worker pool that nobody can fill alone: of each owner's jobs only so many run at a time, the
/// others of it wait for their turn and hold up nobody else's. From any thread.
#pragma once

#include "base/worker_pool.hpp"

#include <map>
#include <string>

namespace gkm::cluster {

class fair_pool {
public:
  fair_pool(size_t threads, size_t share) : share_(share), pool_(threads) {}

  void post(const std::string& owner, std::function<void()> job);
  /// Waits for what runs; what waits for its turn is dropped.
  void finish();

private:
  struct queue {
    size_t running = 0;
    std::deque<std::function<void()>> waiting;
  };

  void start(const std::string& owner, std::function<void()> job);
  void ended(const std::string& owner);

  const size_t share_;
  std::mutex mutex_;
  std::map<std::string, queue> queues_;
  bool finishing_ = false;
  base::worker_pool pool_;  // last: its threads use what is above
};

}  // namespace gkm::cluster
