/// The way to one API server: authenticated requests, timers, one thread. What client.hpp and
/// watcher.hpp are made of.
#pragma once

#include "k8s/client.hpp"
#include "k8s/credentials.hpp"
#include "net/http.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace gkm::k8s {

struct api_request {
  std::string step;  ///< for errors: "Failed to get GKMCache 'ns/x'"
  std::string method = "GET";
  std::string target;  ///< path and query
  std::string content_type{};
  std::string body{};
  bool repeatable = true;  ///< doing it twice is as good as once
};

class connection : public std::enable_shared_from_this<connection> {
public:
  connection(config where, client_options options);

  /// The body of a success; an error as client.hpp has them.
  void send(api_request what, answer<std::string> reply);

  /// A long answer: `who` hears of whatever comes, its end always. The pause between two bytes may
  /// be as long as `stall`.
  void stream(const std::string& target, std::chrono::milliseconds stall,
              std::shared_ptr<net::listener> who, std::function<void(net::canceller)> started);

  /// Runs `job` on the connection's thread; not at all if it closes before.
  void after(std::chrono::milliseconds pause, std::function<void()> job);
  void close();

  const config& where() const { return where_; }
  const client_options& options() const { return options_; }
  /// Of the connection's thread alone.
  credentials& identity() { return credentials_; }
  net::engine& http() { return http_; }
  net::request prepare(const std::string& target, const proof& who) const;

private:
  const config where_;
  const client_options options_;
  net::engine http_;
  credentials credentials_;
};

/// What an answer that is no success means; `body` is a Status, as far as it is one.
error status_error(const net::response_head& head, const std::string& body);
/// The same for a Status that came in a watch.
error status_error(int code, const rapidjson::Value& status);

/// "a=b%20c&...", from what is not empty.
class query {
public:
  query& add(std::string_view name, std::string_view value);
  /// "?..." or nothing.
  std::string str() const { return text_.empty() ? "" : "?" + text_; }

private:
  std::string text_;
};

}  // namespace gkm::k8s
