/// The works of a watcher: what it knows, and the one stream or list that it has open.
#pragma once

#include "k8s/connection.hpp"
#include "k8s/watcher.hpp"

#include <map>
#include <mutex>

namespace gkm::k8s {

class watcher::watching : public std::enable_shared_from_this<watching> {
public:
  watching(std::shared_ptr<connection> on, const resource& what, watch_options options,
           watch_callbacks callbacks);

  void begin();
  void stop();
  object find(const object_key& key) const;
  std::vector<object> all() const;
  bool has_synced() const;

  // From the stream that `turn` names; those of earlier turns are past.
  void opened(uint64_t turn);
  void heard(uint64_t turn, std::string_view line);
  /// `refusal`: the status that the server answered with instead of a stream, or within it; or 0.
  void ended(uint64_t turn, const std::optional<error>& why, int refusal = 0);

private:
  struct known {
    std::string uid;
    std::string resource_version;
    uint64_t epoch = 0;  ///< of the list that it was last seen in, or after
    object kept;
  };

  bool is_past(uint64_t turn) const { return stopped_ || turn != turn_; }
  void open_stream();
  void open_list();
  std::string stream_target(int timeout_s) const;
  void take(const object& o, std::string_view type);
  void take_bookmark(const rapidjson::Value& value);
  void changed(const object& o);
  void gone(std::map<object_key, known>::iterator at, object last);
  void finish_list(std::string version);
  void works_again();
  void again(const error* why);
  void broken(error why, int refusal = 0);

  const std::shared_ptr<connection> on_;
  const resource what_;
  const watch_options options_;
  const watch_callbacks callbacks_;

  /// Held while callbacks run, so that `stop` waits for them; recursive, so that they may call it.
  mutable std::recursive_mutex mutex_;
  bool stopped_ = false;
  uint64_t turn_ = 0;
  std::function<void()> cancel_;
  std::map<object_key, known> known_;
  std::string version_;  ///< seen up to here; empty: a list is due, or running
  uint64_t epoch_ = 0;
  bool streaming_;
  bool listing_ = false;
  bool heard_something_ = false;  ///< in this turn
  bool synced_ = false;
  bool in_trouble_ = false;
  uint32_t failures_ = 0;
  uint32_t unfinished_lists_ = 0;
};

}  // namespace gkm::k8s
