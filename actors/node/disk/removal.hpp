/// Taking a digest out of the store while gkm-csi may be about to mount it.
///
// clang-format off
///   store/<hex> ──rename──▶ staging/<hex> ──records read: unused──▶ staging/<random> ──▶ deleted
///        ▲                       │
///        └─────in use, or a crash┘
// clang-format on
/// gkm-csi writes its record before it opens the digest. If it opened it before the first rename,
/// its record is seen after it; if not, it finds nothing and resolves again. So nothing is deleted
/// under a mount, and what lies in `staging/<hex>` is whole at any time.
///
/// A damaged digest has no way back: it goes to `staging/<hex>.<random>` and stays there as long as
/// it is in use.
#pragma once

#include "messages/paths.hpp"

namespace gkm::node {

/// Where the digest lies now, out of the store and free to be deleted; a path of nothing if it was
/// not there. On failure it is in the store as before: errc::busy if a volume needs it.
result<std::filesystem::path> take_out_unused(const paths& p, const digest& manifest,
                                              const std::string& boot);

/// A fresh name in staging for what lies damaged in the store as `name`.
std::filesystem::path damaged_name(const paths& p, const std::string& name);

/// Whether `entry` of staging bears such a name and a volume of this boot uses that digest, or may.
bool is_damaged_in_use(const paths& p, const std::filesystem::path& entry, const std::string& boot);

}  // namespace gkm::node
