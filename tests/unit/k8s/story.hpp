/// What callbacks said, one word each, in their order.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

namespace gkm::k8s {

/// What a watcher said, one word each: "+a" changed, "-a" deleted, "=" synced, "!" and "ok"
/// trouble.
class story {
public:
  void say(const std::string& word) {
    {
      std::lock_guard lock(mutex_);
      words_.push_back(word);
    }
    changed_.notify_all();
  }

  /// Waits until `last` was said that often, then gives all since the last call.
  std::string until(const std::string& last, int times = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return std::count(words_.begin(), words_.end(), last) >= times; });
    std::string all;
    for (const auto& w : std::exchange(words_, {})) all += all.empty() ? w : " " + w;
    return all;
  }

  bool silent() {
    std::lock_guard lock(mutex_);
    return words_.empty();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> words_;
};

}  // namespace gkm::k8s
