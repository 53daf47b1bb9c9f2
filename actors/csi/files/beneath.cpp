#include "actors/csi/files/beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace gkm::csi {

base::fd open_beneath(int root, const std::string& relative, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return base::fd(
      static_cast<int>(::syscall(SYS_openat2, root, relative.c_str(), &how, sizeof how)));
}

base::fd make_directory(int parent, const std::string& name, unsigned mode) {
  bool made = ::mkdirat(parent, name.c_str(), mode) == 0;
  if (!made && errno != EEXIST) return {};
  base::fd dir(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (dir && made && ::fchmod(dir.get(), mode) != 0) return {};
  return dir;
}

result<base::fd> open_own_directory(const std::filesystem::path& dir, unsigned mode) {
  if (auto made = base::make_directories(dir.parent_path(), 0755); !made) return fail(made.error());
  base::fd parent(::open(dir.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return fail(base::errno_error(errno, "open", dir.parent_path()));
  auto opened = make_directory(parent.get(), dir.filename(), mode);
  if (!opened) return fail(base::errno_error(errno, "open", dir));
  struct stat info {};
  if (::fstat(opened.get(), &info) != 0) return fail(base::errno_error(errno, "examine", dir));
  if (info.st_uid != ::geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)))
    return fail(errc::refused, "Cannot use '" + dir.string() +
                                   "': others may write there; it must belong to user " +
                                   std::to_string(::geteuid()) + " alone");
  return opened;
}

bool is_out_of_place(int code) {
  return code == ELOOP || code == EXDEV || code == ENOTDIR || code == ENXIO || code == EISDIR ||
         code == ENAMETOOLONG;
}

std::string path_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }
std::string path_of(int fd, const std::string& name) { return path_of(fd) + '/' + name; }

std::string real_path(int fd) {
  std::error_code failed;
  return std::filesystem::read_symlink(path_of(fd), failed).string();
}

}  // namespace gkm::csi
