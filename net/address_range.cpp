#include "net/address_range.hpp"

#include "messages/printable.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>
#include <string>

namespace gkm::net {

bool is_in_range(const std::array<uint8_t, 16>& address, const address_range& range) {
  for (unsigned bit = 0; bit < range.bits; ++bit)
    if (((address[bit / 8] ^ range.prefix[bit / 8]) >> (7 - bit % 8)) & 1) return false;
  return true;
}

result<address_range> parse_address_range(std::string_view text) {
  auto slash = text.find('/');
  std::string host(text.substr(0, slash));
  address_range out;
  constexpr size_t v4_offset = 12;
  constexpr unsigned v4_bits = 32;
  std::array<uint8_t, 16> v4{};
  v4[10] = v4[11] = 0xff;
  unsigned width = 128;
  if (::inet_pton(AF_INET, host.c_str(), v4.data() + v4_offset) == 1) {
    out.prefix = v4;
    width = v4_bits;
  } else if (::inet_pton(AF_INET6, host.c_str(), out.prefix.data()) != 1) {
    width = 0;
  }
  unsigned bits = width;
  bool fine = width > 0;
  if (fine && slash != std::string_view::npos) {
    const auto* end = text.data() + text.size();
    auto parsed = std::from_chars(text.data() + slash + 1, end, bits);
    fine = parsed.ec == std::errc() && parsed.ptr == end && bits <= width;
  }
  if (!fine)
    return fail(errc::invalid_argument, "'" + printable(text) +
                                            "' is no range of addresses: write it as "
                                            "'10.0.0.0/8', 'fd00::/8' or '192.168.7.9'");
  out.bits = bits + (128 - width);
  return out;
}

}  // namespace gkm::net
