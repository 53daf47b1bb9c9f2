#include "actors/csi/copy_tree.hpp"

#include "actors/csi/beneath.hpp"
#include "actors/csi/scratch_space.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace gkm::csi {
namespace {

constexpr unsigned directory_mode = 0777;
constexpr unsigned file_mode = 0666;
constexpr unsigned run_bits = 0111;

/// Through memory, where the file system can do no better.
bool copy_bytes(int from, int to) {
  std::array<char, 64 << 10> block{};
  for (;;) {
    auto n = ::read(from, block.data(), block.size());
    if (n <= 0) return n == 0;
    for (ssize_t done = 0; done < n;) {
      auto written = ::write(to, block.data() + done, static_cast<size_t>(n - done));
      if (written < 0) return false;
      done += written;
    }
  }
}

bool copy_content(int from, int to) {
  if (::ioctl(to, FICLONE, from) == 0) return true;
  constexpr size_t step_bytes = 1 << 30;
  for (;;) {
    auto n = ::copy_file_range(from, nullptr, to, nullptr, step_bytes, 0);
    if (n == 0) return true;
    if (n < 0) break;
  }
  if (errno == ENOSPC || errno == EDQUOT || errno == EIO) return false;
  return copy_bytes(from, to);
}

bool copy_file(int from, int to, const char* name, unsigned mode) {
  base::fd in(::openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!in) return false;
  if (::unlinkat(to, name, 0) != 0 && errno != ENOENT) return false;
  base::fd out(::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  return out && copy_content(in.get(), out.get()) &&
         ::fchmod(out.get(), file_mode | (mode & run_bits)) == 0;
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
  auto bytes = static_cast<uint64_t>(info.st_size);
  if (bytes > budget)
    return fail(errc::limit_exceeded,
                "Cannot copy the cache: it does not fit into the volume's scratch; a larger "
                "csi.gkm.io/scratchSize helps");
  budget -= bytes;
  return copy_file(from, to, name.c_str(), info.st_mode) ? result<void>() : failed();
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
