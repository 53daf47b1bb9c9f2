#include "net/server/listen_address.hpp"

#include "messages/printable.hpp"

#include <charconv>

namespace gkm::net {

result<listen_address> parse_listen_address(std::string_view text) {
  constexpr int port_max = 65'535;
  auto colon = text.rfind(':');
  listen_address where;
  bool fine = colon != std::string_view::npos;
  if (fine) {
    where.host = text.substr(0, colon);
    const auto* end = text.data() + text.size();
    auto parsed = std::from_chars(text.data() + colon + 1, end, where.port);
    fine =
        parsed.ec == std::errc() && parsed.ptr == end && where.port >= 0 && where.port <= port_max;
  }
  if (!fine)
    return fail(errc::invalid_argument,
                "Address '" + printable(text) + "' is not 'host:port' or ':port'");
  if (where.host.empty()) where.host = "0.0.0.0";
  if (where.host.starts_with('[') && where.host.ends_with(']'))
    where.host = where.host.substr(1, where.host.size() - 2);
  return where;
}

}  // namespace gkm::net
