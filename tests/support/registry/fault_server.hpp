/// An HTTP/1.1 server on loopback for tests: a handler says what to answer and what goes wrong on
/// the way. One thread per connection; the destructor ends them all, whatever they wait for.
#pragma once

#include "tests/support/gate.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gkm::support {

struct seen_request {
  std::string method;
  std::string target;                          ///< path and query as sent
  std::map<std::string, std::string> headers;  ///< names lower-case; the last of repeated ones
  std::string body{};
  size_t connection = 0;  ///< counts from 1

  /// Empty if it was not sent.
  std::string header(const std::string& lower_case_name) const;
  bool has(const std::string& lower_case_name) const { return headers.count(lower_case_name) > 0; }
  std::string path() const { return target.substr(0, target.find('?')); }
};

/// What goes wrong with one reply. Nothing, as it stands.
struct fault {
  std::shared_ptr<gate> hold_head{};     ///< no byte before it opens
  std::shared_ptr<gate> hold_headers{};  ///< the status line is out, the headers wait
  std::shared_ptr<gate> hold_body{};     ///< waits after `hold_body_at` bytes of the body
  uint64_t hold_body_at = 0;
  std::optional<uint64_t> cut_after{};       ///< closes after so many bytes of the body
  bool reset = false;                        ///< ... with RST instead of FIN
  bool hang_up = false;                      ///< closes without any answer
  std::optional<uint64_t> claimed_length{};  ///< Content-Length says this instead
  size_t piece_bytes = 0;                    ///< writes the body in pieces of this size; 0: at once
  std::string raw{};                         ///< sent verbatim in place of everything, then closes
};

/// Sends some bytes of a body; false once the other side is gone.
using body_writer = std::function<bool(std::string_view)>;

struct reply {
  int status = 200;
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  uint64_t repeat_body = 1;  ///< a large body without the memory for it
  bool chunked = false;
  bool until_close = false;  ///< no length at all: the body ends with the connection
  fault wrong{};
  /// Writes the body, for as long as it likes; it must end when `stop` is requested. Chunked.
  std::function<void(const body_writer& write, std::stop_token stop)> stream{};

  static reply redirect(int status, std::string location) {
    return {status, "moved", {{"Location", std::move(location)}}};
  }
};

using handler = std::function<reply(const seen_request&)>;

/// PEM files of a server; see tests/support/registry/certificates.hpp.
struct server_tls {
  std::string certificate_file;
  std::string key_file;
  std::string client_ca_file;  ///< set: clients must show a certificate of this CA
};

class fault_server {
public:
  explicit fault_server(handler answer, std::optional<server_tls> tls = {});
  ~fault_server();
  fault_server(const fault_server&) = delete;
  fault_server& operator=(const fault_server&) = delete;

  uint16_t port() const;
  /// "127.0.0.1:PORT"
  std::string authority() const;
  /// "http://127.0.0.1:PORT/path", or https with TLS. `path` begins with '/'.
  std::string url(const std::string& path = "/") const;

  std::vector<seen_request> requests() const;
  /// Those for one path, in their order.
  std::vector<seen_request> requests_for(const std::string& path) const;
  /// Waits until so many came in all.
  void wait_for_requests(size_t count) const;
  size_t connections() const;
  size_t open_connections() const;
  void wait_for_open_connections(size_t count) const;

  /// Bytes of bodies that the kernel took from this server.
  uint64_t body_bytes_sent() const;
  /// Waits until a send has made no headway for a moment (true), or nothing is being sent (false).
  bool wait_until_blocked() const;

  /// The protocols that the last TLS client offered by ALPN, for example {"h2", "http/1.1"}.
  std::vector<std::string> offered_protocols() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// Lets everybody connect and never says a word.
class silent_listener {
public:
  silent_listener();
  ~silent_listener();
  silent_listener(const silent_listener&) = delete;
  silent_listener& operator=(const silent_listener&) = delete;
  uint16_t port() const { return port_; }

private:
  uint16_t port_ = 0;
  int fd_;
};

/// A port of 127.0.0.1 where nobody listens (for as long as nobody takes it).
uint16_t unused_port();

}  // namespace gkm::support
