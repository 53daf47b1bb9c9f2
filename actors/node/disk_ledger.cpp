#include "actors/node/disk_ledger.hpp"

#include "base/files.hpp"

#include <sys/statvfs.h>

#include <cerrno>

namespace gkm::node {

result<disk_size> measure_disk(const std::filesystem::path& where) {
  struct statvfs disk {};
  if (::statvfs(where.c_str(), &disk) != 0) return fail(base::errno_error(errno, "measure", where));
  disk_size size{{uint64_t{disk.f_blocks} * disk.f_frsize, disk.f_files},
                 {uint64_t{disk.f_bavail} * disk.f_frsize, disk.f_favail}};
  if (disk.f_files == 0) size.whole.inodes = size.free.inodes = room::unlimited().inodes;
  return size;
}

result<void> check_reserve(const std::filesystem::path& where, const disk_limits& limits,
                           const room& more) {
  auto disk = measure_disk(where);
  if (!disk) return fail(disk.error());
  if ((more + limits.reserve).fits_in(disk->free)) return {};
  return fail(errc::no_space,
              "Not enough space in '" + where.string() +
                  "': " + lacking(disk->whole - disk->free, more, disk->whole - limits.reserve) +
                  ", as the rest stays free for others (" + limits.reserve_setting + ")");
}

}  // namespace gkm::node
