/// Times as the API writes them (RFC 3339).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gkm::k8s {

/// "2025-11-03T09:30:00Z".
std::string print_time(int64_t unix_s);
/// "2025-11-03T09:30:00.000000Z", as leases and events have it.
std::string print_micro_time(int64_t unix_us);
/// Any offset, fractions cut off. Nothing if it is not a time between the years 1 and 9999.
std::optional<int64_t> parse_time(std::string_view text);

int64_t now_unix_s();
int64_t now_unix_us();

}  // namespace gkm::k8s
