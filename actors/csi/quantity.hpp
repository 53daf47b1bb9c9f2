/// Durations and sizes as people write them in a pod's volume attributes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gkm::csi {

/// "30s", "2m" or plain seconds; nothing for anything else.
std::optional<uint64_t> parse_seconds(std::string_view text);

/// The whole numbers among Kubernetes' quantities: "10Gi", "512Mi", "1G" or plain bytes; nothing
/// for anything else, or for more than 64 bits hold.
std::optional<uint64_t> parse_bytes(std::string_view text);

}  // namespace gkm::csi
