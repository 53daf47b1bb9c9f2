#include "gpus/drivers/gpu_events.hpp"

#include "base/program/log.hpp"
#include "gpus/drivers/kfd.hpp"
#include "gpus/drivers/uevent.hpp"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace gkm::gpus {
namespace {

using clock = std::chrono::steady_clock;

/// A driver that is loaded says so many times; one look at the end is enough.
constexpr int quiet_ms = 200;
constexpr std::chrono::milliseconds longest_unrest{5'000};
constexpr size_t max_message_bytes = 16 << 10;  // the kernel's are at most 2 KiB and a path
constexpr uint32_t comes_or_goes = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM;

base::fd listen_to_kernel() {
  constexpr unsigned from_the_kernel = 1;  // not what udev makes of it
  base::fd socket(
      ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = from_the_kernel;
  if (socket &&
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  base::log::warn("Cannot hear from the kernel when GPUs come and go; looking every few minutes",
                  {{"error", std::strerror(errno)}});
  return {};
}

}  // namespace

gpu_events::gpu_events(std::filesystem::path root)
    : root_(std::move(root)),
      kernel_(listen_to_kernel()),
      files_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      wake_(std::make_shared<base::fd>(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {}

std::function<void()> gpu_events::waker() const {
  return [wake = wake_] {
    const uint64_t one = 1;
    [[maybe_unused]] auto n = ::write(wake->get(), &one, sizeof one);
  };
}

void gpu_events::watch_anew() {
  // sysfs itself keeps silent when the kernel changes it; where it is a copy, it does not.
  for (const auto& [dir, nvidia_only] :
       {watched{root_ / "dev", true}, watched{kfd_nodes(root_), false}}) {
    const int id = ::inotify_add_watch(files_.get(), dir.c_str(), comes_or_goes | IN_ONLYDIR);
    if (id >= 0) directories_[id] = {dir, nvidia_only};
  }
}

void gpu_events::wait(std::chrono::milliseconds at_most) {
  // Rounded up and bounded: the time that poll takes is an int.
  const auto longest = std::min<int64_t>(at_most.count(), INT32_MAX);
  const auto end = clock::now() + std::chrono::milliseconds(longest);
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now()).count();
    if (left <= 0) return;
    if (sleep(static_cast<int>(left)) && drain()) break;
  }
  const auto rest = clock::now() + longest_unrest;
  while (clock::now() < rest && sleep(quiet_ms)) drain();
}

/// True if something may be read.
bool gpu_events::sleep(int timeout_ms) {
  std::array<pollfd, 3> fds{
      {{kernel_.get(), POLLIN, 0}, {files_.get(), POLLIN, 0}, {wake_->get(), POLLIN, 0}}};
  return ::poll(fds.data(), fds.size(), timeout_ms) > 0;
}

/// Takes what waits; true if some of it is about GPUs.
bool gpu_events::drain() {
  uint64_t count = 0;
  bool matters = ::read(wake_->get(), &count, sizeof count) > 0;
  matters |= drain_kernel();
  matters |= drain_files();
  return matters;
}

bool gpu_events::drain_kernel() {
  bool matters = false;
  std::array<char, max_message_bytes> buffer{};
  for (;;) {
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const auto n = ::recvfrom(kernel_.get(), buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&sender), &length);
    if (n < 0 && errno == EINTR) continue;
    // Too many came at once, and some are lost: any of them may have mattered.
    if (n < 0 && errno == ENOBUFS)
      matters = true;
    else if (n < 0)
      return matters;
    // Whoever likes may send here; the kernel alone sends from 0.
    else if (sender.nl_pid == 0)
      matters |= is_about_gpus({buffer.data(), static_cast<size_t>(n)});
  }
}

bool gpu_events::drain_files() {
  bool matters = false;
  alignas(inotify_event) std::array<char, 16'384> buffer{};
  for (;;) {
    const auto n = ::read(files_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return matters;
    for (ssize_t at = 0; at < n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      const auto from = directories_.find(event->wd);
      const std::string_view name = event->len > 0 ? event->name : "";
      matters |=
          from == directories_.end() || !from->second.nvidia_only || name.starts_with("nvidia");
      if (event->mask & IN_IGNORED) directories_.erase(event->wd);
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
    }
  }
}

}  // namespace gkm::gpus
