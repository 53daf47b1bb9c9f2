/// Mounts that nobody else sees, and that go with the process that made them.
#pragma once

#include <sched.h>
#include <sys/mount.h>

namespace gkm::support {

/// True if this thread, and every child that it starts, has a mount namespace of its own from now
/// on. False where this user may not mount.
inline bool have_private_mounts() {
  static const bool possible = ::unshare(CLONE_NEWNS) == 0 &&
                               ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return possible;
}

}  // namespace gkm::support
