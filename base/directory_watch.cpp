#include "base/directory_watch.hpp"

#include "base/program/log.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace gkm::base {
namespace {

constexpr uint32_t content_events =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_CREATE;
constexpr uint32_t self_events = IN_DELETE_SELF | IN_MOVE_SELF;
/// An editor's save is several events within a moment; they make one call.
constexpr int quiet_ms = 20;
/// Events that never pause still make a call this often.
constexpr std::chrono::milliseconds longest_wait{500};
/// A directory that vanished is looked for again this often, until it is back.
constexpr int absent_ms = 1'000;

}  // namespace

result<std::unique_ptr<directory_watch>> directory_watch::start(std::filesystem::path dir,
                                                                std::function<void()> changed) {
  auto watch =
      make(std::move(dir), [changed = std::move(changed)](const directory_changes&) { changed(); });
  if (!watch) return watch;
  if (!(*watch)->add()) return fail(errno_error(errno, "watch directory", (*watch)->dir_));
  (*watch)->thread_ = std::thread([w = watch->get()] { w->run(true); });
  return watch;
}

result<std::unique_ptr<directory_watch>> directory_watch::start_named(
    std::filesystem::path dir, std::function<void(directory_changes)> changed) {
  auto watch = make(std::move(dir), std::move(changed));
  if (!watch) return watch;
  bool there = (*watch)->add();
  (*watch)->thread_ = std::thread([w = watch->get(), there] {
    w->changed_({{}, true});
    w->run(there);
  });
  return watch;
}

result<std::unique_ptr<directory_watch>> directory_watch::make(
    std::filesystem::path dir, std::function<void(directory_changes)> changed) {
  fd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!events) return fail(errno_error(errno, "watch", dir));
  fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail(errno_error(errno, "watch", dir));
  return std::unique_ptr<directory_watch>(
      new directory_watch(std::move(dir), std::move(changed), std::move(events), std::move(wake)));
}

directory_watch::directory_watch(std::filesystem::path dir,
                                 std::function<void(directory_changes)> changed, fd events, fd wake)
    : dir_(std::move(dir)),
      changed_(std::move(changed)),
      events_(std::move(events)),
      wake_(std::move(wake)) {}

directory_watch::~directory_watch() {
  uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

bool directory_watch::add() {
  return ::inotify_add_watch(events_.get(), dir_.c_str(),
                             content_events | self_events | IN_ONLYDIR) >= 0;
}

/// Takes all waiting events; false if the directory itself is gone.
bool directory_watch::drain() {
  bool there = true;
  alignas(inotify_event) std::array<char, 16'384> buffer{};
  for (;;) {
    auto n = ::read(events_.get(), buffer.data(), buffer.size());
    if (n <= 0) return there;
    for (ssize_t at = 0; at < n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      note(*event);
      if (event->mask & (self_events | IN_IGNORED)) there = false;
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
    }
  }
}

void directory_watch::note(const inotify_event& event) {
  if (event.mask & (self_events | IN_Q_OVERFLOW)) seen_.all = true;
  if (event.len > 0) seen_.names.emplace(event.name);
}

void directory_watch::run(bool there) {
  constexpr int for_ever = -1;
  using clock = std::chrono::steady_clock;
  bool pending = false;
  clock::time_point first_event;
  for (;;) {
    std::array<pollfd, 2> fds{{{events_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    int timeout = pending ? quiet_ms : there ? for_ever : absent_ms;
    int ready = ::poll(fds.data(), fds.size(), timeout);
    if (ready < 0 && errno != EINTR) return;
    if (fds[1].revents) return;
    if (ready > 0 && fds[0].revents) {
      there = drain() && there;
      if (!std::exchange(pending, true)) first_event = clock::now();
      if (clock::now() - first_event < longest_wait) continue;
    }
    if (pending) {
      pending = false;
      changed_(std::exchange(seen_, {}));
    }
    if (!there && add()) {
      there = pending = seen_.all = true;
      first_event = clock::now();
    }
  }
}

}  // namespace gkm::base
