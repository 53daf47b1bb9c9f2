/// The HTTPS server that API servers call. Each connection has a thread while it is open; there are
/// so many of them and no more. What is slow or idle is closed in time, and gives way to newcomers
/// before that (net/server/connection_places.hpp). The certificate is changed without a restart:
/// connections that are open go on with the old one.
#pragma once

#include "actors/operator/tls/serving_identity.hpp"
#include "messages/errors.hpp"
#include "net/server/connection_places.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace gkm::op {

/// How a webhook was called.
struct webhook_call {
  std::chrono::milliseconds limit{};  ///< the answer is to be there by then
  bool proven = false;  ///< the caller is certainly an API server. Anybody else may say anything
};

/// A JSON text in, a JSON text out; an error is answered with status 400 and its text. Called from
/// the server's threads, many at a time; must return within `limit`.
using webhook =
    std::function<result<std::string>(const std::string& body, const webhook_call& call)>;

/// Connections at a time. All of an API server's calls may come from one address, and so may those
/// of all of a cluster's; others find a quarter of the places free.
inline constexpr net::place_limits webhook_connections_max{.places = 128,
                                                           .places_of_one = 96,
                                                           .lately = std::chrono::seconds(60),
                                                           .grace = std::chrono::seconds(1)};
/// Connections that wait for a place; the longest waiting is closed for a further one.
inline constexpr size_t webhook_newcomers_max = 128;
/// A body of the most bytes that a webhook takes: two objects of the most that an API server takes.
inline constexpr size_t webhook_body_bytes_max = size_t{8} << 20;
/// Longer bodies are large; so many may be there at a time.
inline constexpr size_t webhook_small_body_bytes = size_t{256} << 10;
inline constexpr size_t webhook_large_bodies_max = 2;

struct webhook_server_options {
  std::string address = ":9443";  ///< "host:port", ":port" for every interface; port 0: a free one
  net::place_limits connections = webhook_connections_max;
  size_t max_body_bytes = webhook_body_bytes_max;
  size_t small_body_bytes = webhook_small_body_bytes;
  size_t large_bodies = webhook_large_bodies_max;
  std::chrono::milliseconds place{3'000};  ///< for a place, from the connection on
  std::chrono::milliseconds handshake{3'000};
  std::chrono::milliseconds first_request{3'000};  ///< to begin, after the handshake
  std::chrono::milliseconds request{5'000};        ///< for a whole request; for an answer
  /// Longer than an API server keeps an idle connection: it, not we, should be the one to close.
  std::chrono::milliseconds idle{120'000};
  /// While for so long all connections are being answered, the server is not ready.
  std::chrono::milliseconds stuck{5'000};
  client_proof clients;
};

class webhook_server {
public:
  /// Serves these paths once it has an identity; until then connections are closed at once.
  /// errc::invalid_argument for the address, errc::io if it cannot listen there.
  static result<std::unique_ptr<webhook_server>> start(const webhook_server_options& options,
                                                       std::map<std::string, webhook> paths);
  /// What is being decided is answered first.
  ~webhook_server();
  webhook_server(const webhook_server&) = delete;
  webhook_server& operator=(const webhook_server&) = delete;

  /// errc::invalid_argument if the certificate and the key are none, or not of one another, or no
  /// client could prove itself; then all stays as it was.
  result<void> use(const serving_identity& identity);
  /// True if it has an identity, and a newcomer would find a place.
  bool can_answer() const;
  uint16_t port() const;

private:
  class impl;
  explicit webhook_server(std::unique_ptr<impl> e);
  std::unique_ptr<impl> impl_;
};

}  // namespace gkm::op
