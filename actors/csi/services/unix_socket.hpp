/// A listening unix socket, and the file by which others find it.
#pragma once

#include "base/files.hpp"

#include <sys/types.h>

#include <filesystem>

namespace gkm::csi {

/// What the kernel takes: sun_path without the byte that ends it.
constexpr size_t max_socket_path_bytes = 107;

/// Owned by one thread at a time. Its file goes with it, unless another has taken the name.
class unix_socket {
public:
  /// For the owner alone (0600). What a dead process left under this name is replaced.
  /// Errors: invalid_argument (the path is too long), not_found (no such directory), busy (somebody
  /// listens there), conflict (there is something that is no socket), io.
  static result<unix_socket> listen(const std::filesystem::path& path);
  unix_socket() = default;
  ~unix_socket();
  unix_socket(unix_socket&& other) noexcept = default;
  unix_socket& operator=(unix_socket&& other) noexcept;

  int fd() const { return fd_.get(); }
  /// Whether the name still leads here.
  bool is_in_place() const;
  /// The next connection, non-blocking; an empty one if nobody waits. errc::io if this process
  /// cannot take one now.
  result<base::fd> accept() const;

private:
  void leave();

  std::filesystem::path path_;
  base::fd fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Connects, for who wants to know whether somebody listens.
result<base::fd> connect_to(const std::filesystem::path& path);

}  // namespace gkm::csi
