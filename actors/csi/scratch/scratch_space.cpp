#include "actors/csi/scratch/scratch_space.hpp"

#include "actors/csi/files/beneath.hpp"
#include "base/program/log.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace gkm::csi {
namespace {

constexpr unsigned private_mode = 0700;
/// Any user of the pod writes there.
constexpr unsigned shared_mode = 0777;

base::fd open_directory(int parent, const std::string& name) {
  return base::fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

result<std::unique_ptr<scratch_space>> scratch_space::open(const std::filesystem::path& dir) {
  auto opened = open_own_directory(dir, private_mode);
  if (!opened) return fail(opened.error());
  if (::flock(opened->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(base::errno_error(errno, "lock", dir));
    return fail(errc::busy, "'" + dir.string() + "' is in use by another process");
  }
  return std::unique_ptr<scratch_space>(new scratch_space(std::move(*opened)));
}

result<scratch_dirs> scratch_space::make(const std::string& key, uint64_t max_bytes) {
  bool made = ::mkdirat(dir_.get(), key.c_str(), private_mode) == 0;
  if (!made && errno == EEXIST) {
    if (auto discarded = discard(key); !discarded) return fail(discarded.error());
    made = ::mkdirat(dir_.get(), key.c_str(), private_mode) == 0;
  }
  if (!made) return fail(base::errno_error(errno, "make scratch", key));
  auto room = make_dirs(key, max_bytes);
  if (room) return room;
  if (auto discarded = discard(key); !discarded)
    base::log::warn("Cannot discard scratch", {{"error", discarded.error().message}});
  return room;
}

result<scratch_dirs> scratch_space::make_dirs(const std::string& key, uint64_t max_bytes) {
  auto room = open_directory(dir_.get(), key);
  if (!room) return fail(base::errno_error(errno, "open scratch", key));
  if (auto limited = quota_.limit(room, max_bytes); !limited) return fail(limited.error());
  scratch_dirs made{make_directory(room.get(), "upper", owner_ ? private_mode : shared_mode),
                    make_directory(room.get(), "work", private_mode)};
  if (!made.upper || !made.work) return fail(base::errno_error(errno, "make scratch", key));
  if (owner_ && (::fchown(made.upper.get(), owner_->uid, owner_->gid) != 0 ||
                 ::fchmod(made.upper.get(), owner_->mode) != 0))
    return fail(base::errno_error(errno, "give to its owner the scratch", key));
  return made;
}

std::function<void()> scratch_space::release_later(const base::fd& room) {
  auto project = quota_.adopt(room);
  if (project == 0) return {};
  return [this, project] { quota_.release(dir_.get(), project); };
}

result<void> scratch_space::discard(const std::string& key) {
  auto room = open_directory(dir_.get(), key);
  if (!room && errno == ENOENT) return {};
  return trash_.discard(key, room ? release_later(room) : nullptr);
}

result<scratch_use> scratch_space::measure(const std::string& key, uint64_t inodes_max) const {
  auto room = open_directory(dir_.get(), key);
  if (!room) return fail(base::errno_error(errno, "open scratch", key));
  struct statvfs disk {};
  if (::fstatvfs(room.get(), &disk) != 0)
    return fail(base::errno_error(errno, "measure", real_path(room.get())));
  scratch_use use;
  use.free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
  use.free_inodes = disk.f_favail;
  if (auto report = quota_.report(room)) {
    use.bytes = report->used_bytes;
    use.inodes = report->used_inodes;
    use.max_bytes = report->max_bytes;
    use.max_inodes = report->max_inodes;
  }
  if (auto upper = open_directory(room.get(), "upper")) {
    auto size = tree_size(upper.get(), inodes_max);
    use.bytes = std::max(use.bytes, size.bytes);
    use.inodes = std::max(use.inodes, size.inodes);
    use.complete = size.complete;
  }
  return use;
}

disk_room scratch_space::room() const {
  struct statvfs disk {};
  if (::fstatvfs(dir_.get(), &disk) != 0) return {};
  return {uint64_t{disk.f_blocks} * disk.f_frsize, uint64_t{disk.f_bavail} * disk.f_frsize};
}

result<std::vector<std::string>> scratch_space::recover() {
  auto all = entries_of(dir_.get());
  if (!all) return all;
  std::vector<std::string> keys;
  for (const auto& name : *all) {
    auto room = open_directory(dir_.get(), name);
    auto gone = room ? release_later(room) : nullptr;
    if (name.starts_with('.'))
      trash_.resume(name, std::move(gone));
    else
      keys.push_back(name);
  }
  return keys;
}

result<std::vector<std::string>> entries_of(int dir) {
  base::fd again(::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again) return fail(base::errno_error(errno, "read", real_path(dir)));
  auto* stream = ::fdopendir(again.get());
  if (!stream) return fail(base::errno_error(errno, "read", real_path(dir)));
  again.release();
  std::vector<std::string> names;
  errno = 0;
  while (const auto* entry = ::readdir(stream)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
    errno = 0;
  }
  auto code = errno;
  ::closedir(stream);
  if (code != 0) return fail(base::errno_error(code, "read", real_path(dir)));
  return names;
}

}  // namespace gkm::csi
