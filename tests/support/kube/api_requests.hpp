/// What a test server was asked, by whom: read from its audit log.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace gkm::support {

struct api_request {
  std::string program;   ///< "gkm-agent", "kubectl": the first word of its user agent
  std::string node;      ///< of the pod whose token it came with, if there is one
  std::string verb;      ///< "get", "list", "watch", "create", "patch", "update", "delete"
  std::string resource;  ///< "gkmcaches/status"
  std::string ns;
  std::string name;
  int code = 0;

  bool is_write() const;
  /// "patch gkmcaches/status"
  std::string what() const { return verb + ' ' + resource; }
};

class api_requests {
public:
  using filter = std::function<bool(const api_request&)>;

  /// The log and its policy lie in `folder`.
  explicit api_requests(std::filesystem::path folder);
  /// With which the API server writes it.
  std::vector<std::string> apiserver_arguments() const;

  /// A moment, for `since`.
  size_t now() const;
  /// Those that were answered since; a watch counts when it begins. A renewed lease is left out.
  std::vector<api_request> since(size_t moment, const filter& which) const;
  size_t count(size_t moment, const filter& which) const { return since(moment, which).size(); }

private:
  std::filesystem::path log() const { return folder_ / "audit.log"; }

  std::filesystem::path folder_;
};

/// Requests of a program that are no watches.
api_requests::filter asked_by(const std::string& program);
/// Of those, the ones that change something; "" for any program. Events are left out.
api_requests::filter written_by(const std::string& program, const std::string& resource = "");

}  // namespace gkm::support
