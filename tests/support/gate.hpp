/// A door that is closed until a test opens it: how tests make one thing happen after another
/// without sleeping.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace gkm::support {

class gate {
public:
  void open() {
    {
      std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }

  /// False if `stop` came first.
  bool wait(std::stop_token stop = {}) {
    std::unique_lock lock(mutex_);
    return changed_.wait(lock, stop, [this] { return open_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool open_ = false;
};

}  // namespace gkm::support
