/// A socket that listens, and the connections that come to it.
#pragma once

#include "base/files.hpp"
#include "net/server/listen_address.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace gkm::net {

struct newcomer {
  base::fd socket;   ///< does not block
  std::string peer;  ///< as `peer_of` says
};

class listener {
public:
  /// errc::io if the port is taken, or there is no such address on this machine. `flag` names what
  /// chooses another.
  static result<listener> open(const listen_address& where, const std::string& flag);

  /// Nothing if nobody is there any more. errc::limit_exceeded: this process or machine has no
  /// descriptor left, and asking again at once would not help.
  result<std::optional<newcomer>> accept() const;
  int get() const { return socket_.get(); }
  uint16_t port() const { return port_; }

private:
  base::fd socket_;
  uint16_t port_ = 0;
};

}  // namespace gkm::net
