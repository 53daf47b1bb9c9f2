/// /healthz, /readyz and /metrics over HTTP, for kubelet and Prometheus. Each server is one thread
/// that waits for nobody: what comes slowly is closed in time, and gives way to newcomers before.
#pragma once

#include "messages/errors.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gkm::net {

inline constexpr size_t probe_connections_max = 64;      ///< open at a time
inline constexpr size_t probe_connections_of_one = 48;   ///< of these, of one peer address
inline constexpr size_t probe_request_bytes_max = 4096;  ///< with all its headers
/// For a whole request, counted from the connection; and once more for its answer to be taken.
inline constexpr std::chrono::milliseconds probe_limit{2'000};

/// What the paths answer with; called from the server's thread, so quick and without waiting.
struct probe_answers {
  std::function<bool()> ready;
  std::function<std::string()> metrics;
};

class probe_server {
public:
  /// `address` is "host:port", ":port" for every interface, port 0 for any that is free.
  /// errc::invalid_argument, or errc::io if it cannot listen there.
  static result<std::unique_ptr<probe_server>> start(const std::string& address,
                                                     probe_answers answers,
                                                     std::chrono::milliseconds limit = probe_limit);
  ~probe_server();
  probe_server(const probe_server&) = delete;
  probe_server& operator=(const probe_server&) = delete;

  uint16_t port() const;

private:
  class impl;
  explicit probe_server(std::unique_ptr<impl> e);
  std::unique_ptr<impl> impl_;
};

}  // namespace gkm::net
