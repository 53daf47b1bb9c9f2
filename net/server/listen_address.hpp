/// Where a server listens, as people write it.
#pragma once

#include "messages/errors.hpp"

#include <string>
#include <string_view>

namespace gkm::net {

struct listen_address {
  std::string host;
  int port = 0;
};

/// "host:port", "[::1]:port", or ":port" for every interface. errc::invalid_argument.
result<listen_address> parse_listen_address(std::string_view text);

}  // namespace gkm::net
