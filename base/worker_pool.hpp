/// Threads for work that blocks, so that actors never do. Behind ports only.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace gkm::base {

/// Threads start when there is work for them and sleep without waking in between. Jobs run in the
/// order they were posted, at most `threads` at a time.
class worker_pool {
public:
  explicit worker_pool(size_t threads);
  /// Waits for running jobs; jobs that have not started are dropped.
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  void post(std::function<void()> job);
  /// Waits until every job that was posted before has ended.
  void finish();

private:
  void work();

  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::condition_variable ended_;
  size_t idle_ = 0;
  size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace gkm::base
