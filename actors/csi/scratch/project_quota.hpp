/// Limits on what one volume's scratch may hold: project quotas of ext4 and xfs, where they are
/// switched on.
#pragma once

#include "base/files.hpp"

#include <cstdint>
#include <mutex>
#include <optional>
#include <set>

namespace gkm::csi {

/// What a project uses, and may use.
struct quota_report {
  uint64_t used_bytes = 0;
  uint64_t used_inodes = 0;
  uint64_t max_bytes = 0;
  uint64_t max_inodes = 0;
};

/// A limit in the kernel's blocks, rounded up; what is more than it can count is the most that it
/// can, for 0 would be no limit.
uint64_t quota_blocks(uint64_t bytes);

/// No two directories get the same project. Any thread may call.
class project_quota {
public:
  /// Limits what will be made in the empty directory; does nothing where that is impossible, and
  /// says so in the log once. The bytes limit the number of files, too. Errors: no_space, io.
  result<void> limit(const base::fd& dir, uint64_t max_bytes);
  bool is_impossible() const;
  /// The project of a directory that was limited before; it is in use from now on. 0 if none.
  uint32_t adopt(const base::fd& dir);
  /// The directory is gone: lifts the limit of its project. `dir` is any on the same file system.
  void release(int dir, uint32_t project);
  /// The project's use, if the directory has one of ours.
  std::optional<quota_report> report(const base::fd& dir) const;

private:
  uint32_t take();

  mutable std::mutex mutex_;
  bool impossible_ = false;
  std::set<uint32_t> used_;
};

}  // namespace gkm::csi
