/// How this kernel makes the mounts of a view: the new mount API, or mount(2) where that is absent
/// or forbidden.
#pragma once

#include "actors/csi/mounts/mount_point.hpp"

#include <atomic>
#include <string>
#include <vector>

namespace gkm::csi {

/// Why a mount was not made; what to do next depends on the kernel's code.
struct mount_failure {
  int code = 0;
  std::string detail;  ///< what the kernel said about it

  /// True if such a mount cannot be made here, however often it is tried.
  bool is_impossible_here() const;
};

/// Open directories, topmost lower layer first. Without `upper` nothing can be written.
struct overlay_layers {
  std::vector<int> lowers;
  int upper = -1;
  int work = -1;
};

enum class mount_api { modern, classic };

struct mount_settings {
  mount_api api = mount_api::modern;
  std::string selinux_context;  ///< what overlays are labelled with; empty: not labelled
};

class mount_calls {
public:
  explicit mount_calls(mount_settings settings);

  /// Puts an overlay on the directory that is open as `dir`: nosuid, nodev. `source` is what
  /// the mount table shows as its device.
  tl::expected<void, mount_failure> overlay(const overlay_layers& layers, const std::string& source,
                                            int dir);
  /// The same for the directory that is open as `from`; `dir` is the one at `where`.
  tl::expected<void, mount_failure> bind(int from, bool read_only, const mount_point& where,
                                         int dir);

private:
  using outcome = tl::expected<void, mount_failure>;
  using options = std::vector<std::pair<std::string, std::string>>;

  options overlay_options(const overlay_layers& layers, bool is_volatile) const;
  outcome try_overlay(const options& all, const std::string& source, bool read_only, int dir);

  const mount_settings settings_;
  const bool in_user_namespace_;
  std::atomic<bool> modern_;
  std::atomic<bool> volatile_{true};
};

}  // namespace gkm::csi
