/// Volumes on a real machine: usage records, scratch, relocation layers and mounts, by system calls
/// on worker threads.
#pragma once

#include "actors/csi/held_views.hpp"
#include "actors/csi/ports.hpp"
#include "actors/csi/usage_records.hpp"
#include "actors/csi/view_builder.hpp"
#include "base/worker_pool.hpp"

namespace gkm::csi {

struct volume_settings {
  paths where;
  std::filesystem::path kubelet_root = "/var/lib/kubelet";  ///< targets lie beneath it
  mount_settings mounting;
  std::string only_target{};          ///< if not empty: no other volume is recovered
  usage_records::observer observe{};  ///< how many volumes there are, after each change
};

class mounted_volumes : public volume_port {
public:
  /// Makes what is missing and takes the lock. Errors: busy (another process has it), refused
  /// (others may write where only we should), io.
  static result<std::unique_ptr<mounted_volumes>> open(volume_settings settings);
  /// Carries out what was asked for before; deletions are left to the next start. What is mounted
  /// stays mounted.
  ~mounted_volumes() override;

  void recover(answer<done> reply) override;
  void read(const std::string& volume_id, answer<volume_record> reply) override;
  void is_mounted(const volume_record& record, answer<bool> reply) override;
  void write(const volume_record& record, answer<done> reply) override;
  void erase(const std::string& volume_id, answer<done> reply) override;
  void mount(const volume_record& record, answer<volume_record> reply) override;
  void unmount(const std::string& volume_id, const std::string& target,
               answer<done> reply) override;
  void remove_target(const std::string& target, answer<done> reply) override;
  void measure(const volume_record& record, answer<volume_stats> reply) override;

private:
  struct parts;
  explicit mounted_volumes(std::unique_ptr<parts> made);

  result<bool> is_mounted_now(const volume_record& record);
  result<volume_record> mount_now(volume_record record);
  result<void> unmount_now(const std::string& volume_id, const std::string& target);
  result<void> take_off_view(const std::string& target, const std::optional<held_view>& ours);
  /// errc::busy if the view is mounted where it cannot be taken away.
  static result<void> is_gone(const std::optional<held_view>& ours);
  result<volume_stats> measure_now(const volume_record& record);

  std::unique_ptr<parts> parts_;
  base::worker_pool steps_{4};
  base::worker_pool long_steps_{2};  ///< apart, so that no other volume waits behind a copy
  base::worker_pool measures_{1};
};

}  // namespace gkm::csi
