/// What pods write: one directory a volume, limited, thrown away when the volume goes.
#pragma once

#include "actors/csi/files/trash.hpp"
#include "actors/csi/files/tree_size.hpp"
#include "actors/csi/scratch/project_quota.hpp"
#include "actors/csi/scratch/scratch_budget.hpp"
#include "messages/paths.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace gkm::csi {

/// Who may use a view, where no container's walls decide it.
struct view_owner {
  uint32_t uid = 0;
  uint32_t gid = 0;
  unsigned mode = 0700;

  bool operator==(const view_owner&) const = default;
};

/// One volume's directory, open.
struct scratch_dirs {
  base::fd upper;  ///< 0777, or as its owner wants: what the pod sees or writes
  base::fd work;   ///< the overlay's own
};

struct scratch_use {
  uint64_t bytes = 0;
  uint64_t inodes = 0;
  uint64_t max_bytes = 0;  ///< 0: no limit that the file system enforces
  uint64_t max_inodes = 0;
  uint64_t free_bytes = 0;  ///< of the file system
  uint64_t free_inodes = 0;
  bool complete = true;  ///< false: not all was counted
};

class scratch_space {
public:
  /// Held by one process at a time, whatever its run directory: errc::busy for others.
  static result<std::unique_ptr<scratch_space>> open(const std::filesystem::path& dir);

  /// A fresh room; what is there of an earlier volume of that key is discarded. On failure nothing
  /// is left. Errors: no_space, io.
  result<scratch_dirs> make(const std::string& key, uint64_t max_bytes);
  /// Nothing there is success.
  result<void> discard(const std::string& key);
  /// Waits until what was discarded is deleted.
  void finish() { trash_.finish(); }
  /// Counts what was written, by walking through it: a pod may have led its files out of the
  /// quota. Where there are more than `inodes_max` files, not all are counted.
  result<scratch_use> measure(const std::string& key,
                              uint64_t inodes_max = counted_inodes_max) const;
  /// True once a room could not be limited, as the file system has no project quotas.
  bool is_unlimited() const { return quota_.is_impossible(); }
  /// Whose the rooms that are made from now on are. Whoever may enter one may write everywhere in
  /// it: files of a cache are writable for all.
  void belong_to(const view_owner& owner) { owner_ = owner; }
  const std::optional<view_owner>& owner() const { return owner_; }
  /// Of the file system.
  disk_room room() const;

  /// Which volumes have a room. What was being deleted goes on being deleted.
  result<std::vector<std::string>> recover();

  int dir() const { return dir_.get(); }

private:
  explicit scratch_space(base::fd dir) : dir_(std::move(dir)), trash_(dir_.get()) {}
  result<scratch_dirs> make_dirs(const std::string& key, uint64_t max_bytes);
  std::function<void()> release_later(const base::fd& room);

  base::fd dir_;
  std::optional<view_owner> owner_;
  project_quota quota_;
  trash trash_;
};

/// Names of the entries of an open directory, but for "." and "..".
result<std::vector<std::string>> entries_of(int dir);

}  // namespace gkm::csi
