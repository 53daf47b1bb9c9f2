#include "actors/csi/services/socket_listener.hpp"

#include "base/program/log.hpp"
#include "base/program/process.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace gkm::csi {
namespace fs = std::filesystem;
namespace {

/// After a connection that could not be taken, or one of the last descriptors that was.
constexpr int descriptors_pause_ms = 50;

/// The kernel gives out the lowest descriptor that is free: a high one says how many are in use.
int first_scarce() {
  constexpr size_t most = INT_MAX;
  auto all = std::min(base::descriptors_max(), most);
  return static_cast<int>(all - std::min(kept_descriptors, all / 2));
}

}  // namespace

result<std::unique_ptr<socket_listener>> socket_listener::open(
    std::vector<fs::path> paths, std::function<void(base::fd)> admit) {
  std::unique_ptr<socket_listener> listener(new socket_listener(std::move(admit)));
  if (auto started = listener->start(std::move(paths)); !started) return fail(started.error());
  return listener;
}

socket_listener::socket_listener(std::function<void(base::fd)> admit)
    : admit_(std::move(admit)),
      scarce_from_(first_scarce()),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

result<void> socket_listener::start(std::vector<fs::path> paths) {
  if (!wake_) return fail(base::errno_error(errno, "make an event for", paths.front()));
  for (auto& path : paths) {
    auto socket = unix_socket::listen(path);
    if (!socket) return fail(socket.error());
    auto watch = base::directory_watch::start(path.parent_path(), [this] { wake(); });
    if (!watch) return fail(watch.error());
    sockets_.push_back({std::move(path), std::move(*socket)});
    watches_.push_back(std::move(*watch));
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

socket_listener::~socket_listener() {
  watches_.clear();
  closing_ = true;
  wake();
  if (thread_.joinable()) thread_.join();
}

void socket_listener::wake() const {
  uint64_t one = 1;
  // Full means awake already.
  [[maybe_unused]] auto written = ::write(wake_.get(), &one, sizeof one);
}

void socket_listener::run() {
  bool out_of_descriptors = false;
  while (!closing_) {
    std::vector<pollfd> waits{{wake_.get(), POLLIN, 0}};
    for (const auto& e : sockets_)
      waits.push_back({out_of_descriptors ? -1 : e.socket.fd(), POLLIN, 0});
    ::poll(waits.data(), waits.size(), out_of_descriptors ? descriptors_pause_ms : -1);
    out_of_descriptors = false;
    uint64_t woken = 0;
    if (::read(wake_.get(), &woken, sizeof woken) > 0 && !closing_) make_again();
    for (const auto& e : sockets_) out_of_descriptors |= !admit_all(e);
  }
  // Who has connected is heard to the end.
  for (const auto& e : sockets_) admit_all(e);
}

void socket_listener::make_again() {
  for (auto& e : sockets_) {
    if (e.socket.is_in_place()) continue;
    auto socket = unix_socket::listen(e.path);
    if (socket) {
      base::log::info("Socket made again", {{"path", e.path.string()}});
      e.socket = std::move(*socket);
    } else if (socket.error().code != errc::not_found) {
      base::log::error("Socket cannot be made again",
                       {{"path", e.path.string()}, {"error", socket.error().message}});
    }
  }
}

bool socket_listener::admit_all(const listening_socket& e) const {
  if (e.socket.fd() < 0) return true;
  for (;;) {
    auto connection = e.socket.accept();
    if (!connection) {
      base::log::warn("Connection not taken", {{"error", connection.error().message}});
      return false;
    }
    if (!*connection) return true;
    bool is_scarce = connection->get() >= scarce_from_;
    admit_(std::move(*connection));
    if (is_scarce) return false;
  }
}

}  // namespace gkm::csi
