/// Events, as `kubectl describe` shows them: repeated ones become a series, never one per retry.
#pragma once

#include "k8s/client.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace gkm::k8s {

/// The object that an event is about.
struct event_subject {
  std::string api_version;
  std::string kind;
  object_key key;
  std::string uid;

  static event_subject of(const resource& what, const object& o);
};

struct event {
  event_subject subject;
  bool warning = false;
  std::string reason;  ///< one word in CamelCase
  std::string action;  ///< what was done: "Extract"; the API takes no empty one
  std::string note;    ///< for people; cut at 1024 bytes
};

struct recorder_options {
  std::string controller = "gkm.io/operator";  ///< "gkm.io/agent"
  std::string instance;                        ///< the pod's name
  std::string default_ns = "default";          ///< for events on what has no namespace
  /// At most one write in this time for each subject and reason, the first one at once.
  std::chrono::milliseconds pause{60'000};
  std::chrono::milliseconds series_end{600'000};  ///< not repeated for so long: forgotten
  size_t most_open = 4'096;                       ///< subjects and reasons remembered
  std::function<int64_t()> unix_us;  ///< the wall clock in microseconds; empty: the real one
};

/// Thread-safe. What cannot be written is logged and dropped: events are a courtesy.
class event_recorder {
public:
  /// `to` must outlive this.
  event_recorder(client& to, recorder_options options);
  ~event_recorder();
  event_recorder(const event_recorder&) = delete;
  event_recorder& operator=(const event_recorder&) = delete;

  void record(const event& e);
  /// Subjects and reasons that are remembered now; answers on another thread.
  void count_open(std::function<void(size_t)> reply) const;

private:
  class impl;
  std::shared_ptr<impl> impl_;
  client* to_;
};

}  // namespace gkm::k8s
