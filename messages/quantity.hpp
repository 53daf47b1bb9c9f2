/// Durations and sizes as people write them: in a pod's volume attributes, in settings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gkm {

/// "30s", "2m" or plain seconds; nothing for anything else.
std::optional<uint64_t> parse_seconds(std::string_view text);

/// The whole numbers among Kubernetes' quantities: "10Gi", "512Mi", "1G" or plain bytes; nothing
/// for anything else, or for more than 64 bits hold.
std::optional<uint64_t> parse_bytes(std::string_view text);

/// A part of something that has a size, a file system for example.
struct share {
  uint64_t value = 0;
  bool percent = true;  ///< else `value` is in bytes

  /// In bytes, of a whole of so many; never more than the whole.
  uint64_t of(uint64_t whole_bytes) const;
  /// "80%", "50Gi" or bytes.
  std::string str() const;

  bool operator==(const share&) const = default;
};

/// "80%" (0 to 100, a whole number) or what `parse_bytes` takes.
std::optional<share> parse_share(std::string_view text);

}  // namespace gkm
