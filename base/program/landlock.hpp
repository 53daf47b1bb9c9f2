/// Gives up files that a process has no business with, for good: what it is tricked into later, it
/// cannot read or write them.
#pragma once

#include "messages/errors.hpp"

#include <filesystem>
#include <vector>

namespace gkm::base {

/// Files, and directories with all that is beneath them. What is not there, is left out.
struct file_access {
  std::vector<std::filesystem::path> read;
  /// Whatever is beneath may also be made, changed, renamed and removed, but not run.
  std::vector<std::filesystem::path> write;
  /// Files that may be read though others replace them, as kubelet does with what it mounts: all
  /// that lies beside them can be read, too. Only the file as it now is where that would be / or
  /// /etc.
  std::vector<std::filesystem::path> replaced{};
};

/// What looking up names, TLS, shared libraries and the like need to read. No accounts, no keys.
std::vector<std::filesystem::path> system_files();

/// From now on this thread, and every one that it starts, can open nothing else, and run no
/// program at all. False where the kernel cannot do that: nothing has changed then.
result<bool> confine_files(const file_access& allowed);

}  // namespace gkm::base
