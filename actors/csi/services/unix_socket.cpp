#include "actors/csi/services/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gkm::csi {
namespace fs = std::filesystem;
namespace {

constexpr int waiting_connections = 64;

result<sockaddr_un> address_of(const fs::path& path) {
  const auto& text = path.native();
  if (text.size() > max_socket_path_bytes)
    return fail(errc::invalid_argument,
                "Socket path '" + text + "' has " + std::to_string(text.size()) +
                    " bytes, the kernel takes " + std::to_string(max_socket_path_bytes));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// Whether a socket may take this name.
result<void> check_name(const fs::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0)
    return errno == ENOENT ? result<void>{} : fail(base::errno_error(errno, "look at", path));
  if (!S_ISSOCK(found.st_mode))
    return fail(errc::conflict, "Cannot listen on '" + path.string() +
                                    "': there is something that is no socket; remove it");
  if (connect_to(path))
    return fail(errc::busy, "Cannot listen on '" + path.string() + "': another process does");
  return {};
}

/// Binds, listens, and only then shows the file: whoever sees it can connect.
bool listen_then_name(int socket, const base::fd& dir, const std::string& name) {
  auto hidden = "." + base::random_name();
  auto address = address_of("/proc/self/fd/" + std::to_string(dir.get()) + "/" + hidden);
  // The file that bind makes takes its mode from the socket: it is never open to others.
  if (!address || ::fchmod(socket, 0600) != 0 ||
      ::bind(socket, generic(*address), sizeof *address) != 0)
    return false;
  if (::listen(socket, waiting_connections) == 0 &&
      ::renameat(dir.get(), hidden.c_str(), dir.get(), name.c_str()) == 0)
    return true;
  auto why = errno;
  ::unlinkat(dir.get(), hidden.c_str(), 0);
  errno = why;
  return false;
}

}  // namespace

result<base::fd> connect_to(const fs::path& path) {
  auto address = address_of(path);
  if (!address) return fail(address.error());
  base::fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail(base::errno_error(errno, "make a socket for", path));
  if (::connect(socket.get(), generic(*address), sizeof *address) != 0)
    return fail(base::errno_error(errno, "connect to", path));
  return socket;
}

result<unix_socket> unix_socket::listen(const fs::path& path) {
  if (auto address = address_of(path); !address) return fail(address.error());
  if (auto checked = check_name(path); !checked) return fail(checked.error());
  base::fd dir(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return fail(base::errno_error(errno, "open directory", path.parent_path()));
  unix_socket made;
  made.fd_ = base::fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  struct stat file {};
  if (!made.fd_ || !listen_then_name(made.fd_.get(), dir, path.filename()) ||
      ::lstat(path.c_str(), &file) != 0)
    return fail(base::errno_error(errno, "listen on", path));
  made.path_ = path;
  made.device_ = file.st_dev;
  made.inode_ = file.st_ino;
  return made;
}

unix_socket::~unix_socket() { leave(); }

unix_socket& unix_socket::operator=(unix_socket&& other) noexcept {
  if (this == &other) return *this;
  leave();
  path_ = std::move(other.path_);
  fd_ = std::move(other.fd_);
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

void unix_socket::leave() {
  if (fd_ && is_in_place()) ::unlink(path_.c_str());
  fd_.reset();
}

bool unix_socket::is_in_place() const {
  struct stat file {};
  return fd_ && ::lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ &&
         file.st_ino == inode_;
}

result<base::fd> unix_socket::accept() const {
  base::fd connection(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (connection) return connection;
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return base::fd();
  return fail(base::errno_error(errno, "take a connection on", path_));
}

}  // namespace gkm::csi
