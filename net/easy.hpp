/// The settings of one libcurl handle: what every request gets, what its host's trust adds, and
/// what one hop of a chain of redirects needs. Handles are `void*` here so that only .cpp files see
/// libcurl.
#pragma once

#include "net/http.hpp"
#include "net/url.hpp"

#include <memory>
#include <string>

namespace gkm::net {

/// Per process, before any handle; safe to call from any thread and again.
void init_curl();

struct easy_deleter {
  void operator()(void* easy) const;
};
using easy_handle = std::unique_ptr<void, easy_deleter>;

struct header_list_deleter {
  void operator()(void* list) const;
};
using header_list = std::unique_ptr<void, header_list_deleter>;

/// Header names, values and the method must not break out of their place in the request.
result<void> check_request(const request& what);

/// What does not change from hop to hop. `what` must outlive the handle's use.
void set_request(void* easy, const request& what, const engine_options& options);

/// `redirected_host`: the host is not the one that `tls` was configured for.
void set_tls(void* easy, const tls_config& tls, bool redirected_host);

/// What keeps a handle from addresses that `options` deny (address.hpp).
struct address_guard {
  const engine_options& options;
  bool refused = false;  ///< a connection to such an address would have been made
};

/// Null: any address will do. `guard` must outlive the handle's use.
void set_guard(void* easy, address_guard* guard);

/// `server_name`, if there is one, is whom the server must prove to be; `proxy`, if there is one,
/// replaces the environment's. Keep the list while the handle runs.
header_list set_target(void* easy, const url& to, const std::string& server_name,
                       const std::string& proxy);

/// The headers of one hop; without `credentials` none that could hold any. Keep the list while the
/// handle runs.
header_list set_headers(void* easy, const request& what, bool credentials);

bool sends_body(const request& what);

}  // namespace gkm::net
