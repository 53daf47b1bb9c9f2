/// A stand-in for an API server, for what a real one cannot be made to do: forget its history,
/// refuse, break off. It knows no schema and no rights. What must be true of the real thing is
/// tested on the real thing.
#pragma once

#include "tests/support/registry/fault_server.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gkm::support {

struct fake_api_options {
  bool streaming_list = true;  ///< else it is answered with 422
  std::string token{};         ///< set: requests must carry it
  std::optional<server_tls> tls{};
};

class fake_api {
public:
  explicit fake_api(fake_api_options options = {});
  ~fake_api();
  fake_api(const fake_api&) = delete;
  fake_api& operator=(const fake_api&) = delete;

  std::string url() const;
  fault_server& server();

  // As another client would; paths as in URLs.

  /// Creates, or replaces what is there, status included. Gives its resourceVersion.
  std::string put(const std::string& path, const std::string& json);
  void remove(const std::string& path);
  /// Empty if there is none.
  std::string get(const std::string& path) const;

  // What goes wrong.

  /// Asked first about each request; what it gives is the answer.
  void intercept(std::function<std::optional<reply>(const seen_request&)> f);
  void require_token(const std::string& token);
  /// Tells all watches the version of now.
  void send_bookmarks();
  /// Watches end as they do every few minutes.
  void end_watches();
  /// Watches get ERROR 410, versions and continue tokens from before are refused.
  void forget_history();

  /// Running now.
  size_t watches() const;
  void wait_for_watches(size_t count) const;
  /// Targets of GET requests, lists and watches told apart by their query.
  std::vector<std::string> targets(const std::string& containing) const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gkm::support
