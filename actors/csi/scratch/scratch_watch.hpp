/// Looks at what pods wrote, one volume after the other, namespaces taking turns: no quota that a
/// pod cannot leave tells it (project_quota.hpp).
#pragma once

#include "actors/csi/scratch/scratch_budget.hpp"
#include "actors/csi/scratch/scratch_space.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace gkm::csi {

class scratch_watch {
public:
  /// Of the time, a look at large trees takes one part in so many.
  static constexpr int rest_factor = 20;
  /// Where there is nothing to look at, so many pauses are one.
  static constexpr int idle_factor = 30;

  /// `over` hears of each volume in which more was found than it was granted, from the watch's own
  /// thread, again at each look. Both must outlive this.
  scratch_watch(const scratch_space& scratch, scratch_budget& budget,
                std::function<void(const scratch_owner&)> over,
                std::chrono::milliseconds pause = std::chrono::seconds(1));
  ~scratch_watch();
  scratch_watch(const scratch_watch&) = delete;
  scratch_watch& operator=(const scratch_watch&) = delete;

private:
  void run();
  /// False if there is nothing to look at.
  bool look();

  const scratch_space& scratch_;
  scratch_budget& budget_;
  const std::function<void(const scratch_owner&)> over_;
  const std::chrono::milliseconds pause_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace gkm::csi
