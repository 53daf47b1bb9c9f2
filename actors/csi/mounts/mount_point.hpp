/// One directory entry as a place for mounts, and what is mounted there.
#pragma once

#include "base/files.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace gkm::csi {

/// Tells what one mount shows from what others show. The mount's number alone would not do: the
/// kernel gives numbers out again.
struct mount_identity {
  uint64_t id = 0;     ///< as in the first column of /proc/self/mountinfo
  uint64_t inode = 0;  ///< of its root; 0 if that lies hidden below another mount
  uint32_t dev_major = 0;
  uint32_t dev_minor = 0;

  /// The same root of the same file system, wherever else it is mounted, too.
  bool is_same(const mount_identity& other) const;
};

/// An entry of an open directory.
struct mount_point {
  base::fd parent;
  std::string name;
};

struct place {
  bool there = false;
  bool is_directory = false;
  bool is_mount = false;    ///< the root of a mount lies on top
  mount_identity identity;  ///< of that mount
};

/// Looks without following a link. errc::io if the kernel does not tell.
result<place> look_at(const mount_point& where);

/// The mount in which an open file lies.
result<mount_identity> mount_of(int fd);

/// True if the directory there, on which nothing is mounted, holds nothing.
result<bool> is_empty_directory(const mount_point& where);

/// Takes the topmost mount away; detaches it if it is busy.
result<void> take_off(const mount_point& where);

}  // namespace gkm::csi
