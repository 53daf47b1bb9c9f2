/// Asks the API server: asynchronous, from any thread. Answers come from the client's own thread,
/// exactly once each; they must not block it.
#pragma once

#include "k8s/config.hpp"
#include "k8s/objects/object.hpp"
#include "messages/answer.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gkm::k8s {

class connection;

struct client_options {
  std::string user_agent = "gkm";
  std::chrono::milliseconds answer_limit{30'000};  ///< for each try
  /// Of one request, the first included, after 429, or 5xx with Retry-After where that is safe.
  uint32_t attempts = 4;
  std::chrono::milliseconds longest_pause{10'000};  ///< between two tries
};

struct selection {
  std::string ns;  ///< empty: all namespaces
  std::string label_selector;
  std::string field_selector;

  bool operator==(const selection&) const = default;
};

struct object_list {
  std::vector<object> items;
  std::string resource_version;
};

struct apply_options {
  std::string field_manager = "gkm";
  bool force = true;  ///< take fields over from other managers
};

enum class propagation : uint8_t { unset, background, foreground, orphan };

/// What must still be so for a deletion to happen, else `errc::conflict`.
struct delete_options {
  std::string uid;
  std::string resource_version;
  propagation children = propagation::unset;
};

/// Errors hold the server's own message. 404 is `errc::not_found`; 401 and 403 `unauthorized`; 409
/// `conflict` (also "exists already"), never tried again here; 400, 405, 415 and 422
/// `invalid_argument`; 410 `expired`; 429, 5xx and broken connections `unavailable`, with
/// `retry_after` if the server said so. An answer of `errc::cancelled` means that the client went.
class client {
public:
  explicit client(config where, client_options options = {});
  /// What is still open is answered with `errc::cancelled`, soon or already; nothing is after that.
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  void get(const resource& what, const object_key& key, answer<object> reply);
  /// All of them, in chunks, of one moment as far as the server can; begun anew when it cannot.
  void list(const resource& what, const selection& which, answer<object_list> reply);
  /// `body` is JSON, here and below.
  void create(const resource& what, const std::string& ns, std::string body, answer<object> reply);
  /// With `metadata.resourceVersion` in the body, only if it still is that version.
  void update(const resource& what, const object_key& key, std::string body, answer<object> reply,
              std::string_view subresource = {});
  /// Server-side apply: creates what is not there (but for a sub-resource).
  void apply(const resource& what, const object_key& key, std::string body,
             const apply_options& options, answer<object> reply, std::string_view subresource = {});
  void merge_patch(const resource& what, const object_key& key, std::string body,
                   answer<object> reply, std::string_view subresource = {});
  void patch(const resource& what, const object_key& key, std::string json_patch,
             answer<object> reply, std::string_view subresource = {});
  /// True: it is gone. False: it is going, and waits for finalizers or children.
  void remove(const resource& what, const object_key& key, const delete_options& options,
              answer<bool> reply);
  /// GET of something that is no object: "/version", "/readyz".
  void get_text(const std::string& path, answer<std::string> reply);

  /// Runs `job` on the client's thread after a pause; not at all if the client goes before.
  void after(std::chrono::milliseconds pause, std::function<void()> job);

  const config& where() const;

private:
  friend class watcher;
  std::shared_ptr<connection> connection_;
};

}  // namespace gkm::k8s
