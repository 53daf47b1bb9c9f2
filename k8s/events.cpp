#include "k8s/events.hpp"

#include "base/files.hpp"
#include "base/program/log.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/objects/time.hpp"
#include "messages/limits.hpp"
#include "messages/printable.hpp"

#include <map>
#include <tuple>

namespace gkm::k8s {
namespace {

using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr size_t max_note_bytes = 1'024;
constexpr size_t max_word_chars = 128;
constexpr size_t max_subject_chars = 230;  // of the event's name: 253 less a random part

}  // namespace

event_subject event_subject::of(const resource& what, const object& o) {
  return {what.api_version(), std::string(what.kind), o.key(), std::string(o.uid())};
}

/// Of the client's thread alone.
class event_recorder::impl : public std::enable_shared_from_this<impl> {
public:
  impl(client& to, recorder_options options) : to_(to), options_(std::move(options)) {}

  void add(event e);
  size_t open() const { return open_.size(); }

private:
  using key = std::tuple<std::string, object_key, std::string, bool, std::string, std::string>;
  struct entry {
    event last;
    object_key written;        ///< the Event in the API
    std::string written_note;  ///< which it has for ever: the API lets nobody change it
    int64_t count = 0;         ///< of that Event
    int64_t last_us = 0;
    steady::time_point written_at{};
    steady::time_point told_at{};
    bool waits = false;  ///< a write is due after the pause
  };

  int64_t now_us() const { return options_.unix_us ? options_.unix_us() : now_unix_us(); }
  void make_room();
  void drop_ended();
  void drop_ended_later();
  void create(entry& e);
  void flush(const key& k);
  void flush_later(const key& k, milliseconds pause);
  std::string body(const entry& e) const;

  client& to_;
  const recorder_options options_;
  std::map<key, entry> open_;
  bool drop_due_ = false;
};

void event_recorder::impl::add(event e) {
  e.note = limits::cut(e.note, max_note_bytes);
  const auto& s = e.subject;
  key k{s.kind, s.key, s.uid, e.warning, e.reason, e.action};
  auto found = open_.find(k);
  if (found != open_.end() && steady::now() - found->second.told_at > options_.series_end) {
    open_.erase(found);
    found = open_.end();
  }
  if (found == open_.end()) make_room();
  if (!std::exchange(drop_due_, true)) drop_ended_later();
  auto& one = open_[k];
  bool is_new = one.count == 0;
  one.last = std::move(e);
  one.last_us = now_us();
  one.told_at = steady::now();
  if (is_new) return create(one);
  if (one.last.note == one.written_note) ++one.count;
  if (std::exchange(one.waits, true)) return;
  auto due = one.written_at + options_.pause - steady::now();
  flush_later(k, std::max(std::chrono::ceil<milliseconds>(due), milliseconds{0}));
}

void event_recorder::impl::make_room() {
  if (open_.size() < options_.most_open) return;
  drop_ended();
  if (open_.size() < options_.most_open) return;
  auto oldest = std::min_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
    return a.second.told_at < b.second.told_at;
  });
  open_.erase(oldest);
}

void event_recorder::impl::drop_ended() {
  auto now = steady::now();
  std::erase_if(open_, [&](const auto& o) { return now - o.second.told_at > options_.series_end; });
}

/// Once in the time after which a series ends, while there is one.
void event_recorder::impl::drop_ended_later() {
  to_.after(options_.series_end, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->drop_ended();
    self->drop_due_ = !self->open_.empty();
    if (self->drop_due_) self->drop_ended_later();
  });
}

std::string event_recorder::impl::body(const entry& e) const {
  const auto& s = e.last.subject;
  auto time = print_micro_time(e.last_us);
  draft d(events, e.written);
  d.set({"eventTime"}, time)
      .set({"reportingController"}, limits::cut(options_.controller, max_word_chars));
  d.set({"reportingInstance"}, limits::cut(options_.instance, max_word_chars));
  d.set({"reason"}, limits::cut(e.last.reason, max_word_chars));
  d.set({"action"}, limits::cut(e.last.action, max_word_chars));
  d.set({"type"}, e.last.warning ? "Warning" : "Normal").set({"note"}, e.last.note);
  d.set({"regarding", "apiVersion"}, s.api_version).set({"regarding", "kind"}, s.kind);
  d.set({"regarding", "name"}, s.key.name);
  if (!s.key.ns.empty()) d.set({"regarding", "namespace"}, s.key.ns);
  if (!s.uid.empty()) d.set({"regarding", "uid"}, s.uid);
  return d.print();
}

void event_recorder::impl::create(entry& e) {
  const auto& subject = e.last.subject.key;
  e.written = {subject.ns.empty() ? options_.default_ns : subject.ns,
               subject.name.substr(0, max_subject_chars) + "." + base::random_name()};
  e.written_note = e.last.note;
  e.written_at = steady::now();
  e.count = 1;
  to_.create(events, e.written.ns, body(e), [](const result<object>& made) {
    if (!made) base::log::debug("an event was not recorded", {{"cause", made.error().message}});
  });
}

void event_recorder::impl::flush_later(const key& k, milliseconds pause) {
  to_.after(pause, [weak = weak_from_this(), k] {
    if (auto self = weak.lock()) self->flush(k);
  });
}

void event_recorder::impl::flush(const key& k) {
  auto found = open_.find(k);
  if (found == open_.end() || !std::exchange(found->second.waits, false)) return;
  auto& e = found->second;
  if (e.last.note != e.written_note) return create(e);
  e.written_at = steady::now();
  draft series;
  series.set({"series", "count"}, e.count);
  series.set({"series", "lastObservedTime"}, print_micro_time(e.last_us));
  to_.merge_patch(events, e.written, series.print(),
                  [weak = weak_from_this(), k](const result<object>& patched) {
                    auto self = weak.lock();
                    if (!self || patched) return;
                    auto again = self->open_.find(k);
                    bool forgotten = patched.error().code == errc::not_found;
                    if (!forgotten || again == self->open_.end())
                      return base::log::debug("an event was not recorded",
                                              {{"cause", patched.error().message}});
                    // The API forgets events after an hour: the series begins anew, with what was
                    // last.
                    again->second.waits = false;
                    self->create(again->second);
                  });
}

event_recorder::event_recorder(client& to, recorder_options options)
    : impl_(std::make_shared<impl>(to, std::move(options))), to_(&to) {}

event_recorder::~event_recorder() = default;

void event_recorder::count_open(std::function<void(size_t)> reply) const {
  to_->after(milliseconds{0}, [weak = std::weak_ptr(impl_), reply = std::move(reply)] {
    auto b = weak.lock();
    reply(b ? b->open() : 0);
  });
}

void event_recorder::record(const event& e) {
  to_->after(milliseconds{0}, [weak = std::weak_ptr(impl_), e] {
    if (auto b = weak.lock()) b->add(e);
  });
}

}  // namespace gkm::k8s
