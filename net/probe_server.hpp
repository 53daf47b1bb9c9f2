/// /healthz, /readyz and /metrics over HTTP, for kubelet and Prometheus.
#pragma once

#include "messages/errors.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gkm::net {

/// What the paths answer with; called from the server's threads.
struct probe_answers {
  std::function<bool()> ready;
  std::function<std::string()> metrics;
};

class probe_server {
public:
  /// `address` is "host:port", ":port" for every interface, port 0 for any that is free.
  /// errc::invalid_argument, or errc::io if it cannot listen there.
  static result<std::unique_ptr<probe_server>> start(const std::string& address,
                                                     probe_answers answers);
  ~probe_server();
  probe_server(const probe_server&) = delete;
  probe_server& operator=(const probe_server&) = delete;

  uint16_t port() const;

private:
  struct engine;
  explicit probe_server(std::unique_ptr<engine> e);
  std::unique_ptr<engine> engine_;
};

}  // namespace gkm::net
