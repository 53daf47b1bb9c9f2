/// The directories in which kubelet wants volumes: reached from its root by real directories only.
#pragma once

#include "actors/csi/mounts/mount_point.hpp"

#include <filesystem>

namespace gkm::csi {

class target_tree {
public:
  /// `root` must exist; targets lie beneath it.
  static result<target_tree> open(const std::filesystem::path& root);

  /// Whether a target lies beneath the root, as far as its name tells.
  bool covers(const std::string& target) const { return relative(target).has_value(); }

  /// The entry for a target, whether it exists or not. Errors: not_found if a directory on the way
  /// is missing, conflict if one is a link or file, invalid_argument if it is not beneath the root.
  result<mount_point> find(const std::string& target) const;

  struct prepared {
    mount_point where;
    base::fd dir;       ///< the target itself
    bool made = false;  ///< it was absent
  };
  /// The target as an empty directory with nothing mounted on it, made if it is absent;
  /// errc::conflict if something else is in its place.
  result<prepared> prepare(const std::string& target) const;

  /// Removes an empty directory. Nothing there is success; errc::conflict if something else is.
  result<void> remove(const std::string& target) const;

  /// Whether the file system there still answers.
  result<void> ask(const std::string& target) const;

  /// The root without any link in its path, as the mount table shows it; "" for "/".
  const std::string& real_root() const { return real_root_; }
  /// The name by which records and callers know what the mount table calls `mounted_on`; empty if
  /// it is not beneath the root.
  std::string target_at(const std::string& mounted_on) const;

private:
  target_tree(base::fd root, std::string name);
  result<std::string> relative(const std::string& target) const;
  /// Why the way to a target could not be gone: `code` is errno.
  error no_way(int code, std::string_view step, const std::string& target) const;

  base::fd root_;
  std::string name_;  ///< as configured, without a slash at the end
  std::string real_root_;
};

}  // namespace gkm::csi
