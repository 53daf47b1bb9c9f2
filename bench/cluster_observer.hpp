/// When the API told what: every moment is stamped as its event arrives, and nobody asks.
#pragma once

#include "k8s/client.hpp"
#include "k8s/watcher.hpp"
#include "messages/cache.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gkm::bench {

class cluster_observer {
public:
  using clock = std::chrono::steady_clock;

  /// What is told of a cache, in the order in which it is told.
  enum class fact : uint8_t {
    applied,
    resolved,
    begun,
    extracted,
    ready,
    counted,
    uncounted,
    gone
  };

  explicit cluster_observer(k8s::config where);
  ~cluster_observer();

  /// When this was told first, waiting for it. Ends this program if it takes too long.
  clock::time_point when(const cache_ref& cache, fact what);
  /// What is told of it from now on counts anew.
  void forget(const cache_ref& cache);

private:
  void saw_cache(const k8s::object& o);
  void saw_report(const k8s::object& o);
  void note(const cache_ref& cache, fact what, clock::time_point now);

  std::mutex mutex_;
  std::condition_variable told_;
  std::map<std::pair<cache_ref, fact>, clock::time_point> first_;
  k8s::client client_;
  std::vector<std::unique_ptr<k8s::watcher>> watchers_;
};

}  // namespace gkm::bench
