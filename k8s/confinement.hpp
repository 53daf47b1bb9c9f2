/// Keeps a process that speaks to an API server away from files that are not its own.
#pragma once

#include "base/program/landlock.hpp"
#include "k8s/config.hpp"

namespace gkm::k8s {

/// From now on this thread, and every one that it starts, reaches `own`, the system's files, and
/// the credentials of `as`. Not where a plugin must be run for those, nor on kernels that cannot do
/// it: the log then says so at debug level, and nothing changes.
result<void> confine_process(const config& as, base::file_access own);

}  // namespace gkm::k8s
