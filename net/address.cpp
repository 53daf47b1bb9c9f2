#include "net/address.hpp"

#include "base/text.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace gkm::net {
namespace {

using bytes4 = std::array<uint8_t, 4>;
using bytes16 = std::array<uint8_t, 16>;

bool is_local(const bytes4& a) {
  bool unspecified = a[0] == 0;
  bool loopback = a[0] == 127;
  bool link_local = a[0] == 169 && a[1] == 254;
  bool multicast_or_reserved = a[0] >= 224;
  return unspecified || loopback || link_local || multicast_or_reserved;
}

// ::ffff:a.b.c.d, ::a.b.c.d, and what a NAT64 gateway turns into a.b.c.d.
bool embeds_ipv4(const bytes16& a) {
  constexpr std::array<uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<uint8_t, 12> compatible{};
  constexpr std::array<uint8_t, 12> nat64{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};
  auto begins = [&a](const auto& prefix) {
    return std::equal(prefix.begin(), prefix.end(), a.begin());
  };
  return begins(mapped) || begins(compatible) || begins(nat64);
}

bool is_local(const bytes16& a) {
  // :: and ::1 are among these, too.
  if (embeds_ipv4(a)) return is_local(bytes4{a[12], a[13], a[14], a[15]});
  bool link_local = a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
  bool multicast = a[0] == 0xff;
  // fd00:ec2::/32 is where one cloud serves credentials over IPv6.
  bool metadata = a[0] == 0xfd && a[1] == 0 && a[2] == 0x0e && a[3] == 0xc2;
  return link_local || multicast || metadata;
}

// All that stands for an IPv4 address in the one form in which ranges have it.
bytes16 as_mapped(const bytes16& a) {
  if (!embeds_ipv4(a)) return a;
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a[12], a[13], a[14], a[15]};
}

bytes16 as_mapped(const sockaddr& address) {
  bytes16 out{};
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(out.data(), &v6.sin6_addr, out.size());
  } else if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(out.data() + 12, &v4.sin_addr, sizeof v4.sin_addr);
  }
  return as_mapped(out);
}

bool is_in_one_of(const bytes16& address, const std::vector<address_range>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const address_range& range) { return is_in_range(address, range); });
}

}  // namespace

bool is_denied_address(const sockaddr& address, const engine_options& options) {
  if (!options.local_addresses && is_local_address(address)) return true;
  return is_in_one_of(as_mapped(address), options.denied_addresses);
}

bool is_local_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    bytes4 bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return is_local(bytes);
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    bytes16 bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return is_local(bytes);
  }
  return true;
}

bool names_local_address(const url& to) {
  auto host = to.host;
  if (host.ends_with('.')) host.pop_back();
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  bytes4 v4{};
  if (::inet_pton(AF_INET, host.c_str(), v4.data()) == 1) return is_local(v4);
  if (!host.starts_with('[') || !host.ends_with(']')) return false;
  host = host.substr(1, host.size() - 2);
  host.resize(std::min(host.find('%'), host.size()));  // a zone
  bytes16 v6{};
  return ::inet_pton(AF_INET6, host.c_str(), v6.data()) == 1 && is_local(v6);
}

bool may_go_anywhere(const url& to, const engine_options& options) {
  if (options.local_addresses && options.denied_addresses.empty()) return true;
  return std::any_of(options.local_hosts.begin(), options.local_hosts.end(), [&](const auto& l) {
    auto allowed = base::to_lower(l);
    return allowed == to.host || allowed == to.host + ":" + to.port;
  });
}

result<void> check_reach(const url& to, const engine_options& options) {
  if (options.local_addresses || may_go_anywhere(to, options) || !names_local_address(to))
    return {};
  return fail(not_reachable(to));
}

error not_reachable(const url& to) {
  return {errc::refused,
          "'" + to.origin() +
              "' is at a loopback, link-local or multicast address, which is refused: use another "
              "host, or list this one among those that may be local",
          {}};
}

}  // namespace gkm::net
