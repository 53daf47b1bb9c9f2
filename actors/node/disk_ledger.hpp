/// The budget of the disk, shared by the threads that write and the actor that owns the store. The
/// lock is held for arithmetic, never while anything waits.
#pragma once

#include "actors/node/disk_budget.hpp"

#include <filesystem>
#include <mutex>
#include <utility>

namespace gkm::node {

/// Without limits until it is given some.
class disk_ledger {
public:
  template <class F>
  auto with(F&& f) {
    std::lock_guard lock(mutex_);
    return std::forward<F>(f)(budget_);
  }

private:
  std::mutex mutex_;
  disk_budget budget_;
};

/// A file system as it is now. One that does not count inodes has an unlimited number.
struct disk_size {
  room whole;
  room free;
};
result<disk_size> measure_disk(const std::filesystem::path& where);

/// errc::no_space if so much more would touch the reserve.
result<void> check_reserve(const std::filesystem::path& where, const disk_limits& limits,
                           const room& more);

}  // namespace gkm::node
