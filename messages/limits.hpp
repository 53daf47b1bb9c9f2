/// How much of GKM's own kinds is read and written: what deploy/crd/ admits, or less. Reader and
/// writer cut alike, so that what was written reads back equal.
#pragma once

#include "messages/printable.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace gkm::limits {

inline constexpr size_t image_chars = 1'024;  ///< of a resolved image
inline constexpr size_t name_chars = 316;     ///< a qualified name; most are shorter
inline constexpr size_t key_chars = 44;       ///< 32 bytes in base64
inline constexpr size_t reason_chars = 1'024;
inline constexpr size_t message_chars = 4'096;
inline constexpr size_t annotation_chars =
    64 * 1024;  ///< ours to choose: the API has no limit for one
inline constexpr size_t conditions = 16;
inline constexpr size_t pull_secrets = 16;
inline constexpr size_t selectors = 32;
inline constexpr size_t gpu_groups = 256;
inline constexpr size_t gpus = 1'024;
inline constexpr size_t caches = 4'096;  ///< in one report
inline constexpr size_t digests = 64;  ///< of one cache: the one in use, and old ones still mounted
inline constexpr size_t pods = 4'096;

/// At most so many bytes of it, valid UTF-8.
inline std::string cut(std::string_view text, size_t bytes) {
  return valid_utf8(text.substr(0, bytes));
}

}  // namespace gkm::limits
