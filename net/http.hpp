/// The one HTTP engine: a libcurl multi loop on its own thread. Ask from any worker thread; a body
/// is pulled by the asker, and a slow asker pauses its transfer instead of filling memory.
#pragma once

#include "base/byte_stream.hpp"
#include "messages/errors.hpp"
#include "net/address_range.hpp"

#include <chrono>
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

namespace gkm::net {

class transfer_loop;

/// Each bounds one way of hanging; there is none for a whole transfer, which may take hours.
struct timeouts {
  std::chrono::milliseconds connect{10'000};     ///< name lookup, TCP and TLS
  std::chrono::milliseconds first_byte{30'000};  ///< from the request sent to the status line
  std::chrono::milliseconds stall{30'000};       ///< no byte of a body, while somebody reads it
};

/// Trust and identity for one host, in files or in memory, all PEM. What is empty means the
/// system's defaults. After a redirect to another host only `ca_file` still holds.
struct tls_config {
  std::string ca_file;  ///< trusted beside the system's own
  std::string client_cert_file;
  std::string client_key_file;    ///< empty: the key is in `client_cert_file`
  bool skip_verify = false;       ///< only where configuration says so by name
  std::string ca_pem{};           ///< trusted instead of the system's own and of `ca_file`
  std::string client_cert_pem{};  ///< instead of the files
  std::string client_key_pem{};
  std::string server_name{};  ///< the name in the server's certificate, if not the URL's host

  bool operator==(const tls_config&) const = default;
};

struct request {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string
      authorization;  ///< the whole header value; never follows a redirect to another origin
  std::string body;
  std::string content_type;  ///< of `body`
  std::string proxy{};       ///< instead of the environment's: "http://host:port", "socks5://..."
  timeouts limits;
  tls_config tls;
};

/// Header names are lower-case; of repeated headers the values are joined with ", ".
struct response_head {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string url;  ///< after redirects

  /// Empty if there is none.
  std::string header(const std::string& lower_case_name) const;
  /// `Retry-After` in seconds (delta or HTTP date), if it was sent and can be read.
  std::optional<std::chrono::seconds> retry_after() const;
};

struct response {
  response_head head;
  std::string body;
};

/// A response whose body is still coming. Destroying it cancels the transfer.
class body_stream : public base::byte_stream {
public:
  virtual const response_head& head() const = 0;
};

/// Who hears of a request as it goes on. Called from the engine's thread, which must not be
/// blocked: `on_head`, `on_body` for whatever comes in, `on_end`; the last always, exactly once.
class listener {
public:
  virtual ~listener() = default;
  virtual void on_head(const response_head& head) = 0;
  virtual void on_body(std::string_view bytes) = 0;
  virtual void on_end(const std::optional<error>& failure) = 0;
};

/// Ends a request early, from any thread: `on_end` says `errc::cancelled`, unless it has ended.
using canceller = std::function<void()>;

struct engine_options {
  uint32_t connections_per_host = 8;  ///< further requests to a host wait for their turn
  uint32_t redirects = 5;
  std::string user_agent = "gkm";
  /// Redirects from https to http are always refused; this refuses plain http altogether unless the
  /// host is loopback or listed ("host" or "host:port").
  bool plain_http_anywhere = false;
  std::vector<std::string> plain_http_hosts{};
  /// False for who asks where strangers tell him to: no connection is made to a loopback or
  /// link-local address or the like (address.hpp), whatever name, redirect or token realm leads
  /// there, unless the host is listed ("host" or "host:port"). This holds for a proxy's address,
  /// too; where the proxy goes to is the proxy's matter.
  bool local_addresses = true;
  std::vector<std::string> local_hosts{};
  /// Further addresses to which no connection is made, unless `local_hosts` lists the host.
  std::vector<address_range> denied_addresses{};
  /// True for who shows failures to strangers: whatever keeps a request from being answered has one
  /// text, and the log has the cause. Else the differences would tell what is in our network.
  bool hide_causes = false;
  /// Requests to a host share one connection where the server speaks HTTP/2. Only for bodies that
  /// nobody reads slowly: `start`, not `open`. `connections_per_host` then counts requests.
  bool multiplex = false;
  /// A peer from which nothing is heard for so long, not even that it got our bytes, is gone; 0:
  /// the system decides. Costs packets on idle connections, but no wake-up of this process.
  std::chrono::milliseconds dead_peer{0};
};

/// Owns the loop thread and the connections. Outlives everything that holds one of its streams.
/// Proxies are those of the environment (see proxy.hpp), never for loopback addresses.
/// While no transfer runs, the thread sleeps without waking.
class engine {
public:
  explicit engine(engine_options options = {});
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  /// Sends the request and waits for the status line and headers, redirects followed. Any status is
  /// a success here. `errc::unavailable` for a connection that fails, times out or breaks,
  /// `errc::cancelled` when `stop` is requested (also for later reads), `errc::refused` for a
  /// redirect or scheme that is not allowed, `errc::unauthorized` for a certificate that is not
  /// trusted, `errc::invalid_argument` for a bad URL, header or certificate file,
  /// `errc::limit_exceeded` for too many headers. The body must be read or the stream destroyed.
  /// Redirects of other methods than GET and HEAD are the caller's: they are returned as they are.
  result<std::unique_ptr<body_stream>> open(const request& what, std::stop_token stop = {});

  /// `open` and the whole body, at most `max_bytes` of it, else `errc::limit_exceeded`.
  result<response> fetch(const request& what, size_t max_bytes, std::stop_token stop = {});

  /// Like `open`, but waits for nothing: `who` hears of it. If this fails, it hears nothing.
  result<canceller> start(const request& what, std::shared_ptr<listener> who);

  /// Runs `job` on the engine's thread after a pause; drops it if the engine closes before.
  void after(std::chrono::milliseconds pause, std::function<void()> job);

  /// Ends everything that runs, as cancelled, and the thread. Not from the engine's thread.
  void close();

private:
  const engine_options options_;
  std::unique_ptr<transfer_loop> loop_;
};

}  // namespace gkm::net
