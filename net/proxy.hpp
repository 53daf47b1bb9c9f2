/// Which proxy a request goes through, by the rules of Go's net/http
/// (golang.org/x/net/http/httpproxy), which kubelet, containerd and docker follow. libcurl's own
/// differ: it knows no "*.example.com" and no "host:port" in NO_PROXY, and ignores HTTP_PROXY in
/// upper case.
#pragma once

#include "net/url.hpp"

#include <string>
#include <string_view>

namespace gkm::net {

/// Whether NO_PROXY keeps a proxy out of requests to `to`. Entries are separated by commas:
/// "*" (everything), "10.0.0.0/8", "10.1.2.3", "[fd00::1]:443", "example.com" (the domain and what
/// is below it), ".example.com" and "*.example.com" (only what is below), each with ":port" if
/// wanted.
bool is_exempt(const url& to, std::string_view no_proxy);

/// The environment's proxy for `to`: HTTPS_PROXY or HTTP_PROXY by its scheme, else ALL_PROXY, as
/// NO_PROXY allows. Upper case comes first. Empty: none. It may hold a password.
std::string environment_proxy(const url& to);

}  // namespace gkm::net
