/// Volumes on a real machine: volume records, scratch, relocation layers and mounts, by system
/// calls on worker threads.
#pragma once

#include "actors/csi/mounts/held_views.hpp"
#include "actors/csi/mounts/view_builder.hpp"
#include "actors/csi/mounts/volume_records.hpp"
#include "actors/csi/ports.hpp"
#include "actors/csi/scratch/scratch_watch.hpp"
#include "base/fair_pool.hpp"

#include <atomic>

namespace gkm::csi {

/// Worker threads; those of one namespace leave a place for others.
constexpr base::turn_limits entering_turns{4, 3};    ///< records and mounts, of publishes
constexpr base::turn_limits leaving_turns{4, 3};     ///< unmounts and what belongs to them
constexpr base::turn_limits small_copy_turns{2, 1};  ///< copies and layers of small caches
constexpr base::turn_limits large_copy_turns{3, 2};  ///< and of all others
constexpr base::turn_limits measuring_turns{2, 1};
/// What one measurement of a volume counts itself; of more it tells what the watch found.
constexpr uint64_t measured_inodes_max = 20'000;

struct volume_settings {
  paths where;
  std::filesystem::path kubelet_root = "/var/lib/kubelet";  ///< targets lie beneath it
  mount_settings mounting;
  std::string only_target{};           ///< if not empty: no other volume is recovered
  volume_records::observer observe{};  ///< how many volumes there are, after each change
  scratch_limits limits{};
  bool tell_unlimited = false;        ///< one pod is told if the file system stops none at its size
  bool keeps_targets = false;         ///< directories that views were mounted on stay
  std::optional<view_owner> owner{};  ///< of views; none: every user, as in a pod
};

class mounted_volumes : public volume_port {
public:
  /// Makes what is missing and takes the lock. Errors: busy (another process has it), refused
  /// (others may write where only we should), io.
  static result<std::unique_ptr<mounted_volumes>> open(volume_settings settings);
  /// Waits for what is under way, but for copies, which are given up; what waits for its turn and
  /// deletions are left to the next start, unless there is `only_target`. What is mounted stays
  /// mounted.
  ~mounted_volumes() override;

  void recover(answer<done> reply) override;
  void read(const std::string& volume_id, answer<volume_record> reply) override;
  void is_mounted(const volume_record& record, answer<bool> reply) override;
  void write(const volume_record& record, answer<done> reply) override;
  void erase(const std::string& volume_id, answer<done> reply) override;
  void mount(const volume_record& record, std::stop_token stop,
             answer<volume_record> reply) override;
  void unmount(const std::string& volume_id, const std::string& target,
               answer<done> reply) override;
  void remove_target(const std::string& target, answer<done> reply) override;
  void measure(const volume_record& record, answer<volume_stats> reply) override;

  /// For what is asked from now on.
  void set_limits(const scratch_limits& limits);
  /// Begins to look at what pods write; `over` as scratch_watch has it.
  void watch_scratch(std::function<void(const scratch_owner&)> over);

private:
  struct impl;
  mounted_volumes(std::unique_ptr<impl> made, bool tell_unlimited);
  void tell_unlimited(volume_record& record);

  result<bool> is_mounted_now(const volume_record& record);
  result<volume_record> mount_now(volume_record record, std::stop_token stop = {});
  /// The tenant of a step about a volume, as far as its record is known.
  std::string tenant_of(const std::string& volume_id) const;
  template <class T>
  void post(base::fair_pool& where, const std::string& tenant, std::function<result<T>()> step,
            answer<T> reply, std::stop_token stop = {});
  result<void> unmount_now(const std::string& volume_id, const std::string& target);
  result<void> take_off_view(const std::string& target, const std::optional<held_view>& ours);
  /// errc::busy if the view is mounted where it cannot be taken away.
  static result<void> is_gone(const std::optional<held_view>& ours);
  result<volume_stats> measure_now(const volume_record& record);

  std::unique_ptr<impl> impl_;
  std::atomic<bool> tell_unlimited_;
  std::atomic<bool> ending_ = false;
  base::fair_pool entering_{entering_turns};
  base::fair_pool leaving_{leaving_turns};
  base::fair_pool small_copies_{small_copy_turns};
  base::fair_pool large_copies_{large_copy_turns};
  base::fair_pool measuring_{measuring_turns};
};

}  // namespace gkm::csi
