#include "base/files.hpp"

#include "base/text.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace gkm::base {
namespace fs = std::filesystem;

void fd::reset() {
  if (raw_ >= 0) ::close(raw_);
  raw_ = -1;
}

error errno_error(int code, std::string_view step, const fs::path& path) {
  errc kind = errc::io;
  if (code == ENOSPC || code == EDQUOT) kind = errc::no_space;
  if (code == ENOENT) kind = errc::not_found;
  return {kind,
          "Cannot " + std::string(step) + " '" + path.string() +
              "': " + std::error_code(code, std::generic_category()).message(),
          {}};
}

result<std::string> read_file(const fs::path& file, size_t max_bytes) {
  fd in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!in) return fail(errno_error(errno, "open", file));
  return read_open_file(in, file, max_bytes);
}

result<std::string> read_open_file(const fd& in, const fs::path& file, size_t max_bytes) {
  struct stat info {};
  if (::fstat(in.get(), &info) != 0) return fail(errno_error(errno, "read", file));
  if (!S_ISREG(info.st_mode))
    return fail(errc::malformed, "Cannot read '" + file.string() + "': it is not a regular file");
  std::string content;
  std::array<char, 16'384> block{};
  for (;;) {
    auto n = ::read(in.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error(errno, "read", file));
    if (n == 0) return content;
    content.append(block.data(), static_cast<size_t>(n));
    if (content.size() > max_bytes)
      return fail(errc::limit_exceeded, "Cannot read '" + file.string() + "': it has more than " +
                                            std::to_string(max_bytes) + " bytes");
  }
}

result<void> write_file_atomically(const fs::path& file, std::string_view content, unsigned mode) {
  constexpr unsigned dir_mode = 0755;
  if (auto made = make_directories(file.parent_path(), dir_mode); !made) return made;
  auto temporary = file.parent_path() / ("." + file.filename().string() + "." + random_name());
  fd out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!out) return fail(errno_error(errno, "create", temporary));
  auto give_up = [&](std::string_view step) {
    auto e = errno_error(errno, step, file);
    ::unlink(temporary.c_str());
    return fail(std::move(e));
  };
  while (!content.empty()) {
    auto n = ::write(out.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return give_up("write");
    content.remove_prefix(static_cast<size_t>(n));
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) return give_up("replace");
  return {};
}

result<void> replace_symlink(const fs::path& link, const fs::path& target) {
  auto temporary = link.parent_path() / ("." + link.filename().string() + "." + random_name());
  if (::symlink(target.c_str(), temporary.c_str()) != 0)
    return fail(errno_error(errno, "link", temporary));
  if (::rename(temporary.c_str(), link.c_str()) == 0) return {};
  auto e = errno_error(errno, "replace", link);
  ::unlink(temporary.c_str());
  return fail(std::move(e));
}

result<void> make_directories(const fs::path& dir, unsigned mode) {
  auto make = [&] { return ::mkdir(dir.c_str(), mode) == 0 && ::chmod(dir.c_str(), mode) == 0; };
  if (dir.empty() || make()) return {};
  if (errno == ENOENT) {
    if (auto parent = make_directories(dir.parent_path(), mode); !parent) return parent;
    if (make()) return {};
  }
  if (errno != EEXIST) return fail(errno_error(errno, "create directory", dir));
  struct stat info {};
  if (::stat(dir.c_str(), &info) != 0) return fail(errno_error(errno, "open directory", dir));
  if (!S_ISDIR(info.st_mode))
    return fail(errc::io, "Cannot create directory '" + dir.string() + "': a file is in its place");
  return {};
}

result<void> remove_tree(const fs::path& dir) {
  std::error_code failed;
  fs::remove_all(dir, failed);
  if (failed) return fail(errno_error(failed.value(), "remove", dir));
  return {};
}

namespace {

struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

result<file_lock> file_lock::take(const fs::path& file) {
  fd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock) return fail(errno_error(errno, "open lock file", file));
  auto whole = whole_file(F_WRLCK);
  if (::fcntl(lock.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES) return fail(errno_error(errno, "lock", file));
    auto content = read_file(file, 64);
    auto pid = content ? content->substr(0, content->find('\n')) : std::string();
    return fail(errc::busy, "'" + file.parent_path().string() + "' is in use by another process" +
                                (pid.empty() ? "" : " (pid " + pid + ")"));
  }
  auto text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.get(), 0) != 0 ||
      ::pwrite(lock.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return fail(errno_error(errno, "write lock file", file));
  return file_lock(std::move(lock));
}

std::optional<int> file_lock::holder(const fs::path& file) {
  fd lock(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!lock) return std::nullopt;
  // Only asks: taking it even for a moment could make a starting owner believe it is held.
  auto whole = whole_file(F_RDLCK);
  if (::fcntl(lock.get(), F_OFD_GETLK, &whole) != 0 || whole.l_type == F_UNLCK) return std::nullopt;
  auto content = read_file(file, 64);
  int pid = 0;
  if (content) std::from_chars(content->data(), content->data() + content->size(), pid);
  return pid;
}

std::string random_name() {
  std::array<unsigned char, 8> raw{};
  // Cannot fail or be short for so few bytes once the kernel's pool is ready.
  if (::getrandom(raw.data(), raw.size(), 0) < 0) std::abort();
  return to_hex(raw);
}

result<std::string> boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
  if (text && text->ends_with('\n')) text->pop_back();
  return text;
}

}  // namespace gkm::base
