#include "actors/csi/files/copy_tree.hpp"

#include "actors/csi/files/beneath.hpp"
#include "base/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace gkm::csi {
namespace {

constexpr unsigned directory_mode = 0777;
constexpr unsigned file_mode = 0666;
constexpr unsigned run_bits = 0111;

struct close_dir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

/// A stop is heeded between pieces.
constexpr uint64_t piece_bytes = 16 << 20;

result<void> failed_copy(int from, const std::string& name) {
  return fail(base::errno_error(errno, "copy", real_path(from) + '/' + name));
}

/// Through memory, where the file system can do no better. No more than `bytes`.
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

/// Up to `bytes`, fewer at the end of the file.
bool copy_piece(int from, int to, uint64_t bytes) {
  while (bytes > 0) {
    auto n = ::copy_file_range(from, nullptr, to, nullptr, bytes, 0);
    if (n == 0) return true;
    if (n < 0) break;
    bytes -= static_cast<uint64_t>(n);
  }
  if (bytes == 0) return true;
  if (errno == ENOSPC || errno == EDQUOT || errno == EIO) return false;
  return copy_bytes(from, to, bytes);
}

/// No more than `bytes`, though the file may grow meanwhile.
result<void> copy_content(int from, int to, uint64_t bytes, const std::string& name,
                          const long_work& work) {
  bool cloned = ::ioctl(to, FICLONE, from) == 0;
  // Shared extents are copied as soon as the pod writes there.
  if (cloned && ::ftruncate(to, static_cast<off_t>(bytes)) != 0) return failed_copy(from, name);
  do {
    auto piece = std::min(bytes, piece_bytes);
    if (auto allowed = work.may_write(piece); !allowed) return allowed;
    if (!cloned && !copy_piece(from, to, piece)) return failed_copy(from, name);
    bytes -= piece;
  } while (bytes > 0);
  return {};
}

/// `name` may have become something else since it was looked at: what was opened counts.
result<void> copy_file(int from, int to, const std::string& name, uint64_t& budget,
                       const long_work& work) {
  auto failed = [&] { return failed_copy(from, name); };
  constexpr int look = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  base::fd in(::openat(from, name.c_str(), look));
  struct stat info {};
  if (!in || ::fstat(in.get(), &info) != 0) return failed();
  if (!S_ISREG(info.st_mode)) return {};
  auto bytes = static_cast<uint64_t>(info.st_size);
  if (bytes > budget)
    return fail(errc::limit_exceeded,
                "Cannot copy the cache: it does not fit into the volume's scratch; a larger "
                "csi.gkm.io/scratchSize helps, as far as 'gkm.csi.scratch.*' in gkm-config allow");
  budget -= bytes;
  if (::unlinkat(to, name.c_str(), 0) != 0 && errno != ENOENT) return failed();
  constexpr int fresh = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  base::fd out(::openat(to, name.c_str(), fresh, 0600));
  if (!out) return failed();
  if (auto copied = copy_content(in.get(), out.get(), bytes, name, work); !copied) return copied;
  return ::fchmod(out.get(), file_mode | (info.st_mode & run_bits)) == 0 ? result<void>()
                                                                         : failed();
}

bool copy_link(int from, int to, const char* name) {
  std::array<char, 4'096> target{};
  auto n = ::readlinkat(from, name, target.data(), target.size() - 1);
  return n >= 0 && ::symlinkat(target.data(), to, name) == 0;
}

result<void> copy_directory(base::fd from, int to, unsigned depth, uint64_t& budget,
                            const long_work& work);

result<void> copy_entry(int from, int to, const std::string& name, unsigned depth, uint64_t& budget,
                        const long_work& work) {
  auto failed = [&] { return failed_copy(from, name); };
  if (auto allowed = work.may_write(0); !allowed) return allowed;
  struct stat info {};
  if (::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return failed();
  if (S_ISDIR(info.st_mode)) {
    base::fd in(::openat(from, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!in) return failed();
    auto out = make_directory(to, name, directory_mode);
    if (!out) return failed();
    return copy_directory(std::move(in), out.get(), depth, budget, work);
  }
  if (S_ISLNK(info.st_mode)) return copy_link(from, to, name.c_str()) ? result<void>() : failed();
  if (!S_ISREG(info.st_mode)) return {};
  return copy_file(from, to, name, budget, work);
}

/// Entry by entry: a directory may hold all files of a cache.
result<void> copy_directory(base::fd from, int to, unsigned depth, uint64_t& budget,
                            const long_work& work) {
  if (depth == 0)
    return fail(errc::limit_exceeded,
                "Cannot copy '" + real_path(from.get()) + "': it is too deep");
  std::unique_ptr<DIR, close_dir> entries(::fdopendir(from.get()));
  if (!entries) return failed_copy(from.get(), ".");
  const int dir = from.release();
  for (;;) {
    errno = 0;
    const auto* entry = ::readdir(entries.get());
    if (!entry) return errno == 0 ? result<void>() : failed_copy(dir, ".");
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (auto copied = copy_entry(dir, to, name, depth - 1, budget, work); !copied) return copied;
  }
}

}  // namespace

result<void> copy_tree(int from, int to, uint64_t& budget_bytes, const long_work& work) {
  base::fd top(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!top) return failed_copy(from, ".");
  return copy_directory(std::move(top), to, copied_depth_max, budget_bytes, work);
}

}  // namespace gkm::csi
