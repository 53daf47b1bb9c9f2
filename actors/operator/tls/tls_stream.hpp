/// One TLS connection of the webhook server, as httplib reads and writes it. For .cpp files only.
///
/// Every wait has an end: a request must be there, an answer be taken, within a limit of its own,
/// and nothing is waited for once the server stops. Output is gathered, so that an answer is one
/// record and one packet.
#pragma once

#include "actors/operator/tls/openssl_handles.hpp"

#include <httplib.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

namespace gkm::op {

class tls_stream : public httplib::Stream {
public:
  using clock = std::chrono::steady_clock;

  /// `stop` is readable once the server stops. Neither descriptor is owned.
  tls_stream(int socket, int stop, SSL_CTX* context);

  bool handshake(std::chrono::milliseconds limit);
  const SSL& ssl() const { return *ssl_; }
  /// True if there is something to read before `limit` has passed.
  bool await_request(std::chrono::milliseconds limit);
  /// From now on so many bytes may be read until `limit` has passed.
  void begin_request(std::chrono::milliseconds limit, size_t most_bytes);
  /// Sends what was written.
  bool flush(std::chrono::milliseconds limit);
  void close();

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  /// What was written goes out first: nobody waits for an answer that lies here.
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

private:
  enum class ready { yes, no };
  bool refill();
  ready wait(short events, clock::time_point until) const;
  /// Of an operation that did not go on: true if it may now.
  bool can_go_on(int outcome, clock::time_point until) const;

  const int socket_;
  const int stop_;
  ssl_ptr ssl_;
  std::chrono::milliseconds limit_{};
  clock::time_point until_{};
  size_t left_bytes_ = 0;
  std::array<char, 4096> input_{};  ///< httplib asks for single bytes
  std::string_view unread_;         ///< of `input_`
  std::string output_;
};

}  // namespace gkm::op
