/// Whose a mount of `gkm mount` is: who called, unless the flags say otherwise.
#pragma once

#include "actors/csi/scratch/scratch_space.hpp"
#include "messages/errors.hpp"

#include <string>

namespace gkm::cli {

/// `owner`: USER, UID, USER:GROUP or UID:GID; empty: who called sudo, else who calls. `mode`:
/// octal; empty: 0700. Whoever may enter a writable mount may write in it, so only 0700, 0770 and
/// 0777 are possible there; `read_only`: 0750 and 0755, too.
result<csi::view_owner> owner_of(const std::string& owner, const std::string& mode, bool read_only);

/// "alice (0700)".
std::string describe(const csi::view_owner& owner);

}  // namespace gkm::cli
