/// URLs as this room uses them: http or https, no credentials inside, split into what decides
/// trust. Parsing is libcurl's own, so that what is checked here is what is connected to.
#pragma once

#include "messages/errors.hpp"

#include <string>
#include <vector>

namespace gkm::net {

struct url {
  std::string text;    ///< normalised, without fragment; may hold secrets in its query
  std::string scheme;  ///< lower-case, "http" or "https"
  std::string host;    ///< lower-case; IPv6 in brackets
  std::string port;    ///< always there

  /// "https://quay.io", "http://127.0.0.1:5000": all that an error text may show of a URL.
  std::string origin() const;
  /// localhost, 127.0.0.0/8 or ::1. Names are taken at their word, never looked up.
  bool is_loopback() const;
};

/// Refuses other schemes and URLs with a user name or password in them.
result<url> parse_url(const std::string& text);

/// The URL with another host, all else as it was.
std::string with_host(const url& of, const std::string& host);

/// What `location`, relative or absolute, means in an answer from `base`.
result<url> resolve_url(const url& base, const std::string& location);

/// Scheme, host and port are the same: credentials for one are meant for the other.
bool same_origin(const url& a, const url& b);

/// True if plain http may be spoken to it: https always, loopback, or listed ("host", "host:port").
bool may_connect(const url& to, bool plain_http_anywhere,
                 const std::vector<std::string>& plain_http_hosts);

}  // namespace gkm::net
