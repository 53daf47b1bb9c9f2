/// Small, safe steps on the local file system: owned descriptors, atomic replacement, bounded
/// reads, locks.
#pragma once

#include "messages/errors.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gkm::base {

/// Owns a file descriptor.
class fd {
public:
  fd() = default;
  explicit fd(int raw) : raw_(raw) {}
  ~fd() { reset(); }
  fd(fd&& other) noexcept : raw_(std::exchange(other.raw_, -1)) {}
  fd& operator=(fd&& other) noexcept {
    if (this != &other) {
      reset();
      raw_ = std::exchange(other.raw_, -1);
    }
    return *this;
  }

  int get() const { return raw_; }
  explicit operator bool() const { return raw_ >= 0; }
  int release() { return std::exchange(raw_, -1); }
  void reset();

private:
  int raw_ = -1;
};

/// The error for a failed system call: errc::no_space for a full disk or quota, not_found for
/// ENOENT, else io. "Cannot <step> '<path>': <reason>".
error errno_error(int code, std::string_view step, const std::filesystem::path& path);

/// The whole file, at most `max_bytes` of it, else errc::limit_exceeded. What is no
/// regular file, a fifo or device for example, is errc::malformed.
result<std::string> read_file(const std::filesystem::path& file, size_t max_bytes);

/// The same for a file that is open already; `name` is for messages.
result<std::string> read_open_file(const fd& in, const std::filesystem::path& name,
                                   size_t max_bytes);

/// Replaces `file` by one rename: a reader sees the old content or the new, never a part. Makes the
/// directory if it is missing. The temporary file is `.<name>.<random>` beside it.
result<void> write_file_atomically(const std::filesystem::path& file, std::string_view content,
                                   unsigned mode = 0644);

/// Points the symbolic link `link` at `target`, atomically.
result<void> replace_symlink(const std::filesystem::path& link,
                             const std::filesystem::path& target);

/// Makes a directory and its parents with exactly `mode`, whatever the umask; an existing directory
/// is left as it is.
result<void> make_directories(const std::filesystem::path& dir, unsigned mode);

/// Removes a tree without following links, whatever its size. Nothing there is success.
result<void> remove_tree(const std::filesystem::path& dir);

/// An exclusive lock on a file, held until destroyed (or the process dies). The file holds the
/// owner's process id for people to read.
class file_lock {
public:
  /// errc::busy names the holder's process id if another process has it.
  static result<file_lock> take(const std::filesystem::path& file);
  /// The process id in the file, if some process holds the lock now.
  static std::optional<int> holder(const std::filesystem::path& file);

private:
  explicit file_lock(fd file) : file_(std::move(file)) {}
  fd file_;
};

/// 16 random hexadecimal characters, for names that must not be guessed or repeated.
std::string random_name();

/// The kernel's boot id: another one means that unsynced writes may be lost.
result<std::string> boot_id();

}  // namespace gkm::base
