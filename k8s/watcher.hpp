/// One long watch: what a selection of objects is, and every change of it, for as long as it runs.
///
///             ┌────────────── 410, or the version is lost ──────────────┐
///             ▼                                                         │
///   streaming list ──initial events, end──▶ synced ──▶ watching ──ends──┤
///      │ the server cannot                    ▲            ▲            │
///      └─▶ list in chunks ────────────────────┘            └── resume ◀─┘
/// Whatever failed is tried again after a pause that grows.
#pragma once

#include "k8s/client.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace gkm::k8s {

/// What was last known of an object that is gone.
struct gone_object {
  object_key key;
  std::string uid;
  std::string resource_version;
  object last;  ///< none if its end was not seen and objects are not kept
};

/// Called one at a time, from the client's thread.
struct watch_callbacks {
  /// It is new, or its resourceVersion is another than the one last told. Where an object was
  /// replaced by another of its name, `deleted` comes first.
  std::function<void(const object&)> changed;
  std::function<void(const gone_object&)> deleted;
  /// Everything that there is has been told, and everything that vanished: after each list.
  std::function<void()> synced;
  /// The watch broke and will be tried again. Null: it works again, and what was missed was told;
  /// if all was listed anew, this comes right before `synced`.
  std::function<void(const error*)> trouble{};
};

struct watch_options {
  selection which;
  bool keep_objects = false;  ///< else only names and versions are, and `find` finds nothing
  bool streaming_list = true;
  std::chrono::milliseconds first_pause{500};  ///< after a failure; doubles, with jitter
  std::chrono::milliseconds longest_pause{30'000};
};

class watcher {
public:
  /// `from` must outlive this.
  watcher(client& from, const resource& what, watch_options options, watch_callbacks callbacks);
  ~watcher();
  watcher(const watcher&) = delete;
  watcher& operator=(const watcher&) = delete;

  /// After this returns no callback runs or will run; from within a callback, none will after it.
  void stop();

  /// None if there is no such object, or objects are not kept.
  object find(const object_key& key) const;
  std::vector<object> all() const;
  /// True from the first `synced` on.
  bool has_synced() const;

private:
  class impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace gkm::k8s
