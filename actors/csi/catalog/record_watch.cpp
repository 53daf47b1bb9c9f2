#include "actors/csi/catalog/record_watch.hpp"

#include "actors/csi/files/beneath.hpp"
#include "base/program/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace gkm::csi {
namespace {

constexpr uint32_t interesting = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
                                 IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
/// Where the kernel gives us no more watches, those who wait are told to look this often.
constexpr int blind_ms = 500;

void wake_up(const base::fd& wake) {
  constexpr uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake.get(), &one, sizeof one);
}

}  // namespace

/// One subscription, as the thread knows it.
class record_watch::waiter {
public:
  waiter(std::vector<std::string> way, std::function<void()> changed)
      : way(std::move(way)), changed_(std::move(changed)) {}

  /// False once nobody waits any more.
  bool call() {
    std::lock_guard lock(mutex_);
    if (changed_) changed_();
    return changed_ != nullptr;
  }
  void end() {
    std::lock_guard lock(mutex_);
    changed_ = nullptr;
  }
  bool has_ended() {
    std::lock_guard lock(mutex_);
    return changed_ == nullptr;
  }

  const std::vector<std::string> way;
  std::vector<int> watches;  ///< one a directory, from the root on
  bool blind = false;

private:
  std::mutex mutex_;
  std::function<void()> changed_;
};

result<std::unique_ptr<record_watch>> record_watch::make(int root) {
  base::fd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!events) return fail(base::errno_error(errno, "watch", real_path(root)));
  base::fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail(base::errno_error(errno, "watch", real_path(root)));
  return std::unique_ptr<record_watch>(new record_watch(root, std::move(events), std::move(wake)));
}

record_watch::record_watch(int root, base::fd events, base::fd wake)
    : root_(root), events_(std::move(events)), wake_(std::move(wake)) {}

record_watch::~record_watch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_up(wake_);
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<subscription> record_watch::add(std::vector<std::string> way,
                                                std::function<void()> changed) {
  class handle : public subscription {
  public:
    handle(record_watch& home, waiter_ptr w) : home_(home), waiter_(std::move(w)) {}
    ~handle() override {
      waiter_->end();
      wake_up(home_.wake_);
    }

  private:
    record_watch& home_;
    waiter_ptr waiter_;
  };
  auto w = std::make_shared<waiter>(std::move(way), std::move(changed));
  {
    std::lock_guard lock(mutex_);
    arriving_.push_back(w);
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  wake_up(wake_);
  return std::make_unique<handle>(*this, std::move(w));
}

void record_watch::run() {
  constexpr int for_ever = -1;
  for (;;) {
    bool blind = std::any_of(waiters_.begin(), waiters_.end(), [](auto& w) { return w->blind; });
    std::array<pollfd, 2> fds{{{events_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    int ready = ::poll(fds.data(), fds.size(), blind ? blind_ms : for_ever);
    if (ready < 0 && errno != EINTR) return;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    std::set<waiter_ptr> touched;
    if (blind && ready == 0) touched = waiters_;
    drain(touched);
    // Watch first, then tell: what comes in between is an event again.
    for (const auto& w : touched) follow(w);
    for (const auto& w : touched) w->call();
    if (fds[1].revents) admit();
  }
}

/// New ones are let in, those that ended leave.
void record_watch::admit() {
  uint64_t count = 0;
  [[maybe_unused]] auto n = ::read(wake_.get(), &count, sizeof count);
  std::vector<waiter_ptr> arriving;
  {
    std::lock_guard lock(mutex_);
    arriving.swap(arriving_);
  }
  for (auto& w : arriving) {
    waiters_.insert(w);
    follow(w);
    w->call();
  }
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    auto w = *it;
    if (!w->has_ended()) {
      ++it;
      continue;
    }
    it = waiters_.erase(it);
    for (int watch : w->watches) leave(w, watch);
  }
}

void record_watch::drain(std::set<waiter_ptr>& touched) {
  alignas(inotify_event) std::array<char, 16'384> buffer{};
  for (;;) {
    auto n = ::read(events_.get(), buffer.data(), buffer.size());
    if (n <= 0) return;
    for (ssize_t at = 0; at < n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
      if (event->mask & IN_Q_OVERFLOW)
        touched = waiters_;
      else
        note(event->wd, event->len > 0 ? event->name : nullptr, touched);
    }
  }
}

/// Of what happens in a directory, only the next name on somebody's way counts.
void record_watch::note(int watch, const char* name, std::set<waiter_ptr>& touched) {
  auto it = watched_.find(watch);
  if (it == watched_.end()) return;
  for (const auto& w : it->second) {
    auto level = static_cast<size_t>(std::find(w->watches.begin(), w->watches.end(), watch) -
                                     w->watches.begin());
    if (!name || (level < w->way.size() && w->way[level] == name)) touched.insert(w);
  }
}

/// Watches every directory that exists on the way, and none that does not lie there any more.
void record_watch::follow(const waiter_ptr& w) {
  std::vector<int> now;
  w->blind = false;
  auto dir = open_beneath(root_, ".", O_PATH | O_DIRECTORY);
  for (size_t level = 0; dir && level < w->way.size(); ++level) {
    int watch = ::inotify_add_watch(events_.get(), path_of(dir.get()).c_str(), interesting);
    if (watch < 0) {
      if (!std::exchange(w->blind, true))
        base::log::warn(
            "Cannot watch the catalog; looking now and then instead",
            {{"error", base::errno_error(errno, "watch", real_path(dir.get())).message}});
      break;
    }
    now.push_back(watch);
    watched_[watch].insert(w);
    dir = open_beneath(dir.get(), w->way[level], O_PATH | O_DIRECTORY);
  }
  auto before = std::exchange(w->watches, std::move(now));
  for (int watch : before)
    if (std::find(w->watches.begin(), w->watches.end(), watch) == w->watches.end()) leave(w, watch);
}

void record_watch::leave(const waiter_ptr& w, int watch) {
  auto it = watched_.find(watch);
  if (it == watched_.end()) return;
  it->second.erase(w);
  if (!it->second.empty()) return;
  watched_.erase(it);
  ::inotify_rm_watch(events_.get(), watch);
}

}  // namespace gkm::csi
