/// Which addresses are this machine's own, or its neighbours': what a name from outside must not
/// lead a server to.
#pragma once

#include "net/http.hpp"
#include "net/url.hpp"

struct sockaddr;

namespace gkm::net {

/// Loopback, link-local (where clouds keep the machine's credentials), unspecified, multicast and
/// broadcast; also where an IPv6 address stands for such an IPv4 one.
bool is_local_address(const sockaddr& address);

/// True where `options` deny this address to hosts that are not listed: a local one, or one of
/// `denied_addresses`.
bool is_denied_address(const sockaddr& address, const engine_options& options);

/// Local, for a URL whose host says so itself: an address, or "localhost". Other names are known
/// only when they are looked up.
bool names_local_address(const url& to);

/// True where `options` let requests to that host go to any address.
bool may_go_anywhere(const url& to, const engine_options& options);

/// A request that must not go there; nothing if it may.
result<void> check_reach(const url& to, const engine_options& options);
error not_reachable(const url& to);

}  // namespace gkm::net
