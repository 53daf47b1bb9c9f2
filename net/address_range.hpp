/// Ranges of addresses, as people write them: "10.0.0.0/8", "fd00::/8", "192.168.7.9".
#pragma once

#include "messages/errors.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace gkm::net {

struct address_range {
  std::array<uint8_t, 16> prefix{};  ///< IPv4 as ::ffff:a.b.c.d
  unsigned bits = 128;               ///< of `prefix` that count

  bool operator==(const address_range&) const = default;
};

/// `address` in the form of `prefix`.
bool is_in_range(const std::array<uint8_t, 16>& address, const address_range& range);

/// errc::invalid_argument.
result<address_range> parse_address_range(std::string_view text);

}  // namespace gkm::net
