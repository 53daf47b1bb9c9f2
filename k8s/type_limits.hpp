/// How much of our own kinds is read and written: the limits of deploy/crd/, or less. Both sides
/// cut alike, so that what was written reads back equal.
#pragma once

#include "messages/printable.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace gkm::k8s {

constexpr size_t max_image_chars = 1'024;
constexpr size_t max_name_chars = 316;  // a qualified name; most are shorter
constexpr size_t max_key_chars = 44;    // 32 bytes in base64
constexpr size_t max_reason_chars = 1'024;
constexpr size_t max_message_chars = 4'096;
constexpr size_t max_annotation_chars = 64 * 1024;
constexpr size_t max_conditions = 16;
constexpr size_t max_pull_secrets = 16;
constexpr size_t max_selectors = 32;
constexpr size_t max_gpu_groups = 256;
constexpr size_t max_gpus = 1'024;
constexpr size_t max_caches = 4'096;
constexpr size_t max_digests = 64;  // of one cache: the one in use, and old ones still mounted
constexpr size_t max_pods = 4'096;

inline std::string cut(std::string_view text, size_t bytes) {
  return valid_utf8(text.substr(0, bytes));
}

}  // namespace gkm::k8s
