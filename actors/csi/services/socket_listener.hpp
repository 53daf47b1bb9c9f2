/// The sockets under which this program is found. Whoever removes one, as kubelet does with all in
/// its plugins_registry, finds a new one in its place: so it is seen, and registered, again.
#pragma once

#include "actors/csi/services/unix_socket.hpp"
#include "base/directory_watch.hpp"

#include <memory>
#include <thread>
#include <vector>

namespace gkm::csi {

/// Descriptors that connections leave to the work for calls: beyond, one is admitted at a time,
/// with a pause after it.
constexpr size_t kept_descriptors = 384;

class socket_listener {
public:
  /// `admit` gets every connection, on the door's own thread. Errors: those of unix_socket::listen.
  static result<std::unique_ptr<socket_listener>> open(std::vector<std::filesystem::path> paths,
                                                       std::function<void(base::fd)> admit);
  /// Admits nobody any more; the sockets are gone.
  ~socket_listener();
  socket_listener(const socket_listener&) = delete;
  socket_listener& operator=(const socket_listener&) = delete;

private:
  struct listening_socket {
    std::filesystem::path path;
    unix_socket socket;
  };
  explicit socket_listener(std::function<void(base::fd)> admit);
  result<void> start(std::vector<std::filesystem::path> paths);
  void wake() const;
  void run();
  void make_again();
  bool admit_all(const listening_socket& e) const;

  const std::function<void(base::fd)> admit_;
  const int scarce_from_;  ///< the first descriptor of those that are kept
  base::fd wake_;
  std::atomic<bool> closing_ = false;
  std::vector<listening_socket> sockets_;
  std::vector<std::unique_ptr<base::directory_watch>> watches_;
  std::thread thread_;
};

}  // namespace gkm::csi
