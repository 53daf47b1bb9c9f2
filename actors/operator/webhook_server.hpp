/// The HTTPS server that API servers call. Each connection has a thread while it is open; there are
/// so many of them and no more, and a slow or idle one is closed. The certificate is changed
/// without a restart: connections that are open go on with the old one.
#pragma once

#include "actors/operator/serving_identity.hpp"
#include "messages/errors.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace gkm::cluster {

/// A JSON text in, a JSON text out; an error is answered with status 400 and its text. Called from
/// the server's threads, many at a time; must return within `limit`.
using webhook =
    std::function<result<std::string>(const std::string& body, std::chrono::milliseconds limit)>;

struct webhook_server_options {
  std::string address = ":9443";  ///< "host:port", ":port" for every interface; port 0: a free one
  size_t connections = 128;
  size_t max_body_bytes = size_t{8} << 20;    ///< two objects of the most that an API server takes
  std::chrono::milliseconds request{10'000};  ///< for a handshake, a request, an answer each
  /// Longer than an API server keeps an idle connection: it, not we, should be the one to close.
  std::chrono::milliseconds idle{120'000};
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

  /// errc::invalid_argument if the certificate and the key are none, or not of one another; then
  /// all stays as it was.
  result<void> use(const serving_identity& identity);
  bool has_identity() const;
  uint16_t port() const;

private:
  class engine;
  explicit webhook_server(std::unique_ptr<engine> e);
  std::unique_ptr<engine> engine_;
};

}  // namespace gkm::cluster
