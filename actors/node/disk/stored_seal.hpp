/// Whether a digest in the store is what was written there.
///
///   <store>/<hex>/seal     names, sizes and contents as they were written (base/tree_seal.hpp)
///   <store>/<hex>/damaged  why it is not: a check found out, and the store's owner takes it away
#pragma once

#include "base/tree_seal.hpp"

#include <filesystem>

namespace gkm::node {

/// Once everything that belongs to it lies in `staging`.
result<void> write_seal(const std::filesystem::path& staging, base::seal_observer& seen,
                        std::stop_token stop);

/// errc::corrupt if what lies in `stored` differs. A digest without a seal passes.
result<void> check_names(const std::filesystem::path& stored);
/// The same for every byte. Without a seal, of an earlier version, one is made.
result<void> check_every_byte(const std::filesystem::path& stored, const base::read_pace& pace);
/// For those who do not own the store: leaves a mark for those who do.
result<void> mark_damaged(const std::filesystem::path& stored, const std::string& why);

}  // namespace gkm::node
