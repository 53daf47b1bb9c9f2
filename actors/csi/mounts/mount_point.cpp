#include "actors/csi/mounts/mount_point.hpp"

#include "actors/csi/files/beneath.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace gkm::csi {
namespace {

mount_identity identity_in(const struct statx& info) {
  return {info.stx_mnt_id, info.stx_ino, info.stx_dev_major, info.stx_dev_minor};
}

error too_old() {
  return {errc::io, "Cannot tell mounts apart: the kernel is older than Linux 5.8", {}};
}

}  // namespace

bool mount_identity::is_same(const mount_identity& other) const {
  if (dev_major != other.dev_major || dev_minor != other.dev_minor) return false;
  return inode != 0 && other.inode != 0 ? inode == other.inode : id == other.id;
}

result<place> look_at(const mount_point& where) {
  struct statx info {};
  if (::statx(where.parent.get(), where.name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
              STATX_TYPE | STATX_INO | STATX_MNT_ID, &info) != 0) {
    if (errno == ENOENT || errno == ENAMETOOLONG) return place{};
    return fail(base::errno_error(errno, "examine", where.name));
  }
  if (!(info.stx_mask & STATX_MNT_ID) || !(info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
    return fail(too_old());
  return place{true, S_ISDIR(info.stx_mode), (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
               identity_in(info)};
}

result<mount_identity> mount_of(int fd) {
  struct statx info {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &info) != 0)
    return fail(base::errno_error(errno, "examine", real_path(fd)));
  if (!(info.stx_mask & STATX_MNT_ID)) return fail(too_old());
  return identity_in(info);
}

result<bool> is_empty_directory(const mount_point& where) {
  base::fd dir(::openat(where.parent.get(), where.name.c_str(),
                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir) return fail(base::errno_error(errno, "open", where.name));
  alignas(dirent64) std::array<char, 4'096> buffer{};
  for (;;) {
    auto n = ::getdents64(dir.get(), buffer.data(), buffer.size());
    if (n < 0) return fail(base::errno_error(errno, "read", where.name));
    if (n == 0) return true;
    for (ssize_t at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
        return false;
      at += entry->d_reclen;
    }
  }
}

result<void> take_off(const mount_point& where) {
  auto path = path_of(where.parent.get(), where.name);
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EBUSY && ::umount2(path.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) return {};
  return fail(
      base::errno_error(errno, "unmount", real_path(where.parent.get()) + '/' + where.name));
}

}  // namespace gkm::csi
