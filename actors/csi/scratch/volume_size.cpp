#include "actors/csi/scratch/volume_size.hpp"

#include "actors/csi/scratch/scratch_budget.hpp"

#include <algorithm>
#include <limits>

namespace gkm::csi {
namespace {

/// The catalog may say anything.
uint64_t sum(uint64_t a, uint64_t b) {
  return b > std::numeric_limits<uint64_t>::max() - a ? std::numeric_limits<uint64_t>::max()
                                                      : a + b;
}

/// What may still be written: the limit's rest, if the disk has that much.
uint64_t rest(uint64_t limit, uint64_t used, uint64_t on_disk) {
  if (limit == 0) return on_disk;
  return std::min(on_disk, limit > used ? limit - used : 0);
}

}  // namespace

volume_stats size_of(const volume_record& record, const std::optional<scratch_use>& scratch,
                     std::string problem) {
  volume_stats stats;
  stats.problem = std::move(problem);
  bool copied = record.view != view_kind::overlay && scratch;
  if (!copied) {
    stats.used_bytes = record.cache_bytes;
    stats.used_inodes = record.cache_files;
  }
  if (scratch) {
    stats.used_bytes = sum(stats.used_bytes, scratch->bytes);
    stats.used_inodes = sum(stats.used_inodes, scratch->inodes);
  }
  if (scratch && stats.problem.empty() && record.scratch_bytes > 0 &&
      scratch->bytes > record.scratch_bytes)
    stats.problem = std::string(wrote_too_much) + ": " + size_text(scratch->bytes) + " of " +
                    size_text(record.scratch_bytes) + " (csi.gkm.io/scratchSize)";
  if (scratch && record.view != view_kind::readonly) {
    auto limit = scratch->max_bytes ? scratch->max_bytes : record.scratch_bytes;
    if (scratch->max_bytes == 0 && record.scratch_bytes > 0)
      stats.note = "What the pod writes is measured, and not stopped at " +
                   size_text(record.scratch_bytes) +
                   " (csi.gkm.io/scratchSize): the node's file system has no project quotas";
    stats.available_bytes = rest(limit, scratch->bytes, scratch->free_bytes);
    stats.available_inodes = rest(scratch->max_inodes, scratch->inodes, scratch->free_inodes);
  }
  stats.total_bytes = sum(stats.used_bytes, stats.available_bytes);
  stats.total_inodes = sum(stats.used_inodes, stats.available_inodes);
  return stats;
}

}  // namespace gkm::csi
