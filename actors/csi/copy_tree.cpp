#include "actors/csi/copy_tree.hpp"

#include "actors/csi/beneath.hpp"
#include "actors/csi/scratch_space.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace gkm::csi {
namespace {

constexpr unsigned directory_mode = 0777;
constexpr unsigned file_mode = 0666;
constexpr unsigned run_bits = 0111;

/// Through memory, where the file system can do no better.
bool copy_bytes(int from, int to, uint64_t bytes) {
  std::array<char, 64 << 10> block{};
  while (bytes > 0) {
    auto n = ::read(from, block.data(), std::min<uint64_t>(block.size(), bytes));
    if (n <= 0) return n == 0;
    bytes -= static_cast<uint64_t>(n);
    for (ssize_t done = 0; done < n;) {
      auto written = ::write(to, block.data() + done, static_cast<size_t>(n - done));
      if (written < 0) return false;
      done += written;
    }
  }
  return true;
}

/// No more than `bytes`, though the file may grow meanwhile.
bool copy_content(int from, int to, uint64_t bytes) {
  if (::ioctl(to, FICLONE, from) == 0) return ::ftruncate(to, static_cast<off_t>(bytes)) == 0;
  constexpr uint64_t step_bytes = 1 << 30;
  while (bytes > 0) {
    auto n = ::copy_file_range(from, nullptr, to, nullptr, std::min(bytes, step_bytes), 0);
    if (n == 0) return true;
    if (n < 0) break;
    bytes -= static_cast<uint64_t>(n);
  }
  if (bytes == 0) return true;
  if (errno == ENOSPC || errno == EDQUOT || errno == EIO) return false;
  return copy_bytes(from, to, bytes);
}

/// `name` may have become something else since it was looked at: what was opened counts.
result<void> copy_file(int from, int to, const std::string& name, uint64_t& budget) {
  auto failed = [&] {
    return fail(base::errno_error(errno, "copy", real_path(from) + '/' + name));
  };
  constexpr int look = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  base::fd in(::openat(from, name.c_str(), look));
  struct stat info {};
  if (!in || ::fstat(in.get(), &info) != 0) return failed();
  if (!S_ISREG(info.st_mode)) return {};
  auto bytes = static_cast<uint64_t>(info.st_size);
  if (bytes > budget)
    return fail(errc::limit_exceeded,
                "Cannot copy the cache: it does not fit into the volume's scratch; a larger "
                "csi.gkm.io/scratchSize helps");
  budget -= bytes;
  if (::unlinkat(to, name.c_str(), 0) != 0 && errno != ENOENT) return failed();
  constexpr int fresh = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  base::fd out(::openat(to, name.c_str(), fresh, 0600));
  if (!out || !copy_content(in.get(), out.get(), bytes)) return failed();
  return ::fchmod(out.get(), file_mode | (info.st_mode & run_bits)) == 0 ? result<void>()
                                                                         : failed();
}

bool copy_link(int from, int to, const char* name) {
  std::array<char, 4'096> target{};
  auto n = ::readlinkat(from, name, target.data(), target.size() - 1);
  return n >= 0 && ::symlinkat(target.data(), to, name) == 0;
}

result<void> copy_directory(int from, int to, unsigned depth, uint64_t& budget);

result<void> copy_entry(int from, int to, const std::string& name, unsigned depth,
                        uint64_t& budget) {
  auto failed = [&] {
    return fail(base::errno_error(errno, "copy", real_path(from) + '/' + name));
  };
  struct stat info {};
  if (::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return failed();
  if (S_ISDIR(info.st_mode)) {
    base::fd in(::openat(from, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!in) return failed();
    auto out = make_directory(to, name, directory_mode);
    if (!out) return failed();
    return copy_directory(in.get(), out.get(), depth, budget);
  }
  if (S_ISLNK(info.st_mode)) return copy_link(from, to, name.c_str()) ? result<void>() : failed();
  if (!S_ISREG(info.st_mode)) return {};
  return copy_file(from, to, name, budget);
}

result<void> copy_directory(int from, int to, unsigned depth, uint64_t& budget) {
  if (depth == 0)
    return fail(errc::limit_exceeded, "Cannot copy '" + real_path(from) + "': it is too deep");
  auto names = entries_of(from);
  if (!names) return fail(names.error());
  for (const auto& name : *names)
    if (auto copied = copy_entry(from, to, name, depth - 1, budget); !copied) return copied;
  return {};
}

}  // namespace

result<void> copy_tree(int from, int to, uint64_t& budget_bytes) {
  return copy_directory(from, to, copied_depth_max, budget_bytes);
}

}  // namespace gkm::csi
