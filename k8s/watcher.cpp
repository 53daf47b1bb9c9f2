#include "k8s/watcher.hpp"

#include "base/program/log.hpp"
#include "k8s/connection.hpp"
#include "k8s/lister.hpp"
#include "k8s/watch_stream.hpp"
#include "messages/json/json.hpp"
#include "net/retry.hpp"

#include <map>
#include <mutex>
#include <random>

namespace gkm::k8s {

class watcher::impl : public std::enable_shared_from_this<impl> {
public:
  impl(std::shared_ptr<connection> on, const resource& what, watch_options options,
       watch_callbacks callbacks);

  void begin();
  void stop();
  object find(const object_key& key) const;
  std::vector<object> all() const;
  bool has_synced() const;

  // From the stream that `turn` names; those of earlier turns are past.
  void opened(uint64_t turn);
  void take_line(uint64_t turn, std::string_view line);
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

namespace {

using lock = std::lock_guard<std::recursive_mutex>;

// Watches end by themselves after a while, and not all at once.
constexpr int shortest_watch_s = 300;
constexpr int longest_watch_s = 600;
constexpr std::chrono::seconds stall_margin{30};
constexpr uint32_t max_unfinished_lists = 2;  // then they are no longer asked for as streams

uint64_t chance() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return generator();
}

// A server that does not know streamed lists says that the request is wrong; one whose etcd is too
// old for them, that something in it went wrong. A list in chunks may work all the same.
bool cannot_stream(int refusal) {
  return refusal == 400 || refusal == 405 || refusal == 422 || refusal == 500 || refusal == 501;
}

int watch_seconds() {
  return shortest_watch_s + static_cast<int>(chance() % (longest_watch_s - shortest_watch_s));
}

}  // namespace

watcher::impl::impl(std::shared_ptr<connection> on, const resource& what, watch_options options,
                    watch_callbacks callbacks)
    : on_(std::move(on)),
      what_(what),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      streaming_(options_.streaming_list) {}

void watcher::impl::begin() {
  lock held(mutex_);
  if (stopped_) return;
  ++turn_;
  heard_something_ = false;
  listing_ = version_.empty();
  if (listing_) ++epoch_;
  if (listing_ && !streaming_)
    open_list();
  else
    open_stream();
}

void watcher::impl::stop() {
  lock held(mutex_);
  stopped_ = true;
  if (auto cancel = std::exchange(cancel_, nullptr)) cancel();
}

std::string watcher::impl::stream_target(int timeout_s) const {
  query q;
  q.add("watch", "1").add("allowWatchBookmarks", "true");
  q.add("labelSelector", options_.which.label_selector);
  q.add("fieldSelector", options_.which.field_selector);
  q.add("resourceVersion", version_).add("timeoutSeconds", std::to_string(timeout_s));
  if (listing_) q.add("sendInitialEvents", "true").add("resourceVersionMatch", "NotOlderThan");
  return what_.collection(options_.which.ns) + q.str();
}

void watcher::impl::open_stream() {
  auto timeout_s = watch_seconds();
  auto who = std::make_shared<watch_stream>(
      [weak = weak_from_this(), turn = turn_] {
        if (auto self = weak.lock()) self->opened(turn);
      },
      [weak = weak_from_this(), turn = turn_](std::string_view line) {
        if (auto self = weak.lock()) self->take_line(turn, line);
      },
      [weak = weak_from_this(), turn = turn_](const std::optional<error>& why, int refusal) {
        if (auto self = weak.lock()) self->ended(turn, why, refusal);
      });
  on_->stream(stream_target(timeout_s), std::chrono::seconds{timeout_s} + stall_margin, who,
              [weak = weak_from_this(), turn = turn_](net::canceller cancel) {
                auto self = weak.lock();
                if (!self) return cancel();
                lock held(self->mutex_);
                if (self->is_past(turn)) return cancel();
                self->cancel_ = std::move(cancel);
              });
}

void watcher::impl::open_list() {
  lister::start(on_, what_, options_.which,
                [weak = weak_from_this(), turn = turn_](const result<object_list>& all) {
                  auto self = weak.lock();
                  if (!self) return;
                  lock held(self->mutex_);
                  if (self->is_past(turn)) return;
                  if (!all) return self->ended(turn, all.error());
                  for (const auto& o : all->items) {
                    self->changed(o);
                    if (self->is_past(turn)) return;
                  }
                  self->finish_list(all->resource_version);
                  if (!self->is_past(turn)) self->begin();
                });
}

/// What a resumed watch missed comes at once, and in an unknown number of events: it works again
/// when a moment has passed. A list has an end that says so.
void watcher::impl::opened(uint64_t turn) {
  lock held(mutex_);
  if (is_past(turn) || listing_ || !in_trouble_) return;
  on_->after(options_.first_pause, [weak = weak_from_this(), turn] {
    auto self = weak.lock();
    if (!self) return;
    lock held(self->mutex_);
    if (!self->is_past(turn)) self->works_again();
  });
}

void watcher::impl::take_line(uint64_t turn, std::string_view line) {
  lock held(mutex_);
  if (is_past(turn)) return;
  auto document = json::parse(line);
  if (!document) return broken(document.error());
  const auto* type =
      document->IsObject() && document->HasMember("type") ? &(*document)["type"] : nullptr;
  if (!type || !type->IsString() || !document->HasMember("object"))
    return broken({errc::malformed, "an event without 'type' or 'object'", {}});
  const auto& value = (*document)["object"];
  std::string_view name(type->GetString(), type->GetStringLength());
  if (name == "ERROR") {
    bool has_code = value.IsObject() && value.HasMember("code") && value["code"].IsInt();
    int code = has_code ? value["code"].GetInt() : 500;
    return broken(status_error(code, value), code);
  }
  failures_ = 0;
  heard_something_ = true;
  if (name == "BOOKMARK") return take_bookmark(value);
  auto o = object::copy(value);
  if (!o) return broken(wrap(o.error(), "an event").value());
  take(*o, name);
}

void watcher::impl::take(const object& o, std::string_view type) {
  std::string version(o.resource_version());
  auto turn = turn_;
  if (type != "DELETED") {
    changed(o);
  } else if (auto at = known_.find(o.key()); at != known_.end()) {
    gone(at, o);
  }
  if (!is_past(turn) && !listing_) version_ = std::move(version);
}

void watcher::impl::take_bookmark(const rapidjson::Value& value) {
  error problem;
  json::reader bookmark(value, "", problem);
  std::string version;
  bool ends_list = false;
  bookmark.object("metadata", [&](json::reader metadata) {
    version = metadata.text("resourceVersion");
    metadata.object("annotations", [&](json::reader annotations) {
      ends_list = annotations.text_or("k8s.io/initial-events-end") == "true";
    });
  });
  if (problem.code != errc::none) return broken(std::move(problem));
  if (listing_ && ends_list)
    finish_list(std::move(version));
  else if (!listing_)
    version_ = std::move(version);
}

void watcher::impl::changed(const object& o) {
  auto key = o.key();
  auto turn = turn_;
  auto at = known_.find(key);
  if (at != known_.end() && at->second.uid != o.uid()) {
    gone(at, {});
    if (is_past(turn)) return;
    at = known_.end();
  }
  if (at == known_.end()) at = known_.emplace(std::move(key), known{}).first;
  auto& k = at->second;
  bool is_news = k.resource_version != o.resource_version();
  k = {std::string(o.uid()), std::string(o.resource_version()), epoch_,
       options_.keep_objects ? o : object{}};
  if (is_news && callbacks_.changed) callbacks_.changed(o);
}

void watcher::impl::gone(std::map<object_key, known>::iterator at, object last) {
  gone_object told{at->first, at->second.uid, at->second.resource_version,
                   last ? std::move(last) : at->second.kept};
  known_.erase(at);
  if (callbacks_.deleted) callbacks_.deleted(told);
}

void watcher::impl::finish_list(std::string version) {
  auto turn = turn_;
  for (auto at = known_.begin(); at != known_.end();) {
    auto next = std::next(at);
    if (at->second.epoch != epoch_) gone(at, {});
    if (is_past(turn)) return;
    at = next;
  }
  version_ = std::move(version);
  listing_ = false;
  unfinished_lists_ = 0;
  works_again();
  if (is_past(turn)) return;
  synced_ = true;
  if (callbacks_.synced) callbacks_.synced();
}

void watcher::impl::works_again() {
  if (std::exchange(in_trouble_, false) && callbacks_.trouble) callbacks_.trouble(nullptr);
}

void watcher::impl::ended(uint64_t turn, const std::optional<error>& why, int refusal) {
  lock held(mutex_);
  if (is_past(turn)) return;
  ++turn_;  // whatever else that stream holds is past
  cancel_ = nullptr;
  if (why && why->code == errc::cancelled) return;  // the client is going
  bool refused = listing_ && streaming_ && cannot_stream(refusal);
  if (refused || (listing_ && streaming_ && ++unfinished_lists_ > max_unfinished_lists))
    streaming_ = false;
  if (refused) return begin();
  if (!why && heard_something_ && !listing_) return begin();
  // To be told to begin anew is no trouble, but it is told to many at once: they spread out.
  bool expired = why && why->code == errc::expired;
  if (expired) version_.clear();
  again(why && !expired ? &*why : nullptr);
}

void watcher::impl::again(const error* why) {
  if (why) {
    base::log::debug("a watch broke", {{"resource", what_.plural}, {"cause", why->message}});
    in_trouble_ = true;
    auto turn = turn_;
    if (callbacks_.trouble) callbacks_.trouble(why);
    if (is_past(turn)) return;
  }
  net::retry_policy policy{UINT32_MAX, options_.first_pause, options_.longest_pause};
  std::optional<std::chrono::seconds> asked;
  if (why && why->retry_after.count() > 0) asked = why->retry_after;
  auto pause = net::next_delay(policy, ++failures_, asked, chance());
  on_->after(pause.value_or(options_.longest_pause), [weak = weak_from_this(), turn = turn_] {
    auto self = weak.lock();
    if (!self) return;
    lock held(self->mutex_);
    if (!self->is_past(turn)) self->begin();
  });
}

// The stream is of no more use.
void watcher::impl::broken(error why, int refusal) {
  auto cancel = std::exchange(cancel_, nullptr);
  ended(turn_, std::move(why), refusal);
  if (cancel) cancel();
}

object watcher::impl::find(const object_key& key) const {
  lock held(mutex_);
  auto at = known_.find(key);
  return at == known_.end() ? object{} : at->second.kept;
}

std::vector<object> watcher::impl::all() const {
  lock held(mutex_);
  std::vector<object> objects;
  for (const auto& [key, k] : known_)
    if (k.kept) objects.push_back(k.kept);
  return objects;
}

bool watcher::impl::has_synced() const {
  lock held(mutex_);
  return synced_;
}

watcher::watcher(client& from, const resource& what, watch_options options,
                 watch_callbacks callbacks)
    : impl_(std::make_shared<impl>(from.connection_, what, std::move(options),
                                   std::move(callbacks))) {
  from.after(std::chrono::milliseconds{0}, [w = impl_] { w->begin(); });
}

watcher::~watcher() { stop(); }

void watcher::stop() { impl_->stop(); }

object watcher::find(const object_key& key) const { return impl_->find(key); }

std::vector<object> watcher::all() const { return impl_->all(); }

bool watcher::has_synced() const { return impl_->has_synced(); }

}  // namespace gkm::k8s
