/// Writes the files of one relocation layer from a cache in the store and its relocation list.
#pragma once

#include "actors/csi/files/long_work.hpp"

#include <string>

namespace gkm::csi {

/// Makes the directory `name` in the open directory `into`, with the rewritten files of the cache
/// that lies in the open directory `stored`. Files that cannot be rewritten, or that come
/// after `max_bytes` were read or written, are left out and said in the log; returns how many.
/// Holds one index file and its literals in memory, and neither the list nor what it writes.
/// After an error what was written stays. Errors: malformed (the list is no file), no_space, io,
/// those of `work`.
result<uint64_t> write_layer(int stored, const std::string& mount_path, int into,
                             const std::string& name, uint64_t max_bytes, const long_work& work);

}  // namespace gkm::csi
