#include "actors/csi/mounts/target_tree.hpp"

#include "actors/csi/files/beneath.hpp"
#include "messages/volume.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>

namespace gkm::csi {
namespace {

constexpr unsigned target_mode = 0750;

std::string without_end_slash(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  return path;
}

/// What stands in the way is somebody else's: errc::conflict rather than a failed disk.
error cannot(int code, std::string_view step, const std::string& target) {
  auto e = base::errno_error(code, step, target);
  if (is_out_of_place(code) || code == ENOTEMPTY || code == EBUSY) e.code = errc::conflict;
  return e;
}

tl::unexpected<error> taken(const std::string& target, std::string_view by) {
  return fail(errc::conflict, "Cannot mount on '" + target + "': " + std::string(by));
}

/// Opens the directories of `relative`, made as they are needed.
base::fd make_way(int root, const std::string& relative) {
  for (size_t end = relative.find('/');; end = relative.find('/', end + 1)) {
    auto part = relative.substr(0, end);
    auto slash = part.rfind('/');
    auto parent = open_beneath(root, slash == std::string::npos ? "." : part.substr(0, slash),
                               O_PATH | O_DIRECTORY);
    if (!parent) return {};
    auto name = slash == std::string::npos ? part : part.substr(slash + 1);
    if (::mkdirat(parent.get(), name.c_str(), target_mode) != 0 && errno != EEXIST) return {};
    if (end == std::string::npos) break;
  }
  return open_beneath(root, relative, O_PATH | O_DIRECTORY);
}

}  // namespace

result<target_tree> target_tree::open(const std::filesystem::path& root) {
  base::fd dir(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir) return fail(base::errno_error(errno, "open the directory for mounts", root));
  return target_tree(std::move(dir), without_end_slash(root.string()));
}

target_tree::target_tree(base::fd root, std::string name)
    : root_(std::move(root)),
      name_(std::move(name)),
      real_root_(without_end_slash(real_path(root_.get()))) {}

result<std::string> target_tree::relative(const std::string& target) const {
  if (is_normal_path(target) && target.size() > name_.size() + 1 && target.starts_with(name_ + '/'))
    return target.substr(name_.size() + 1);
  return fail(errc::invalid_argument,
              "Cannot use target '" + target + "': it does not lie beneath '" + name_ + "/'");
}

error target_tree::no_way(int code, std::string_view step, const std::string& target) const {
  auto why = cannot(code, step, target);
  // No file system can hold such a name.
  if (code == ENAMETOOLONG) why.code = errc::not_found;
  if (code != ELOOP) return why;
  auto rest = *relative(target);
  for (size_t end = rest.find('/'); end != std::string::npos; end = rest.find('/', end + 1)) {
    auto part = rest.substr(0, end);
    struct stat entry {};
    // All before `part` are directories, or an earlier round had ended this.
    if (::fstatat(root_.get(), part.c_str(), &entry, AT_SYMLINK_NOFOLLOW) != 0) break;
    if (!S_ISLNK(entry.st_mode)) continue;
    why.message = "Failed to " + std::string(step) + " '" + target + "': '" + name_ + "/" + part +
                  "' is a symbolic link, and none is followed below kubelet's root: bind-mount "
                  "that place there instead, or give kubelet (--root-dir) and gkm-csi "
                  "(--kubelet-root) a root without links below it";
    break;
  }
  return why;
}

result<mount_point> target_tree::find(const std::string& target) const {
  auto rest = relative(target);
  if (!rest) return fail(rest.error());
  auto slash = rest->rfind('/');
  auto way = slash == std::string::npos ? std::string(".") : rest->substr(0, slash);
  auto parent = open_beneath(root_.get(), way, O_PATH | O_DIRECTORY);
  if (!parent) return fail(no_way(errno, "open the directory of", target));
  return mount_point{std::move(parent),
                     slash == std::string::npos ? *rest : rest->substr(slash + 1)};
}

result<target_tree::prepared> target_tree::prepare(const std::string& target) const {
  auto where = find(target);
  if (!where && where.error().code == errc::not_found) {
    auto rest = *relative(target);
    auto way = rest.substr(0, rest.rfind('/'));
    auto parent = make_way(root_.get(), way);
    if (!parent) return fail(no_way(errno, "make the directory of", target));
    where = mount_point{std::move(parent), rest.substr(way.size() + 1)};
  }
  if (!where) return fail(where.error());
  auto parent = where->parent.get();
  bool made = ::mkdirat(parent, where->name.c_str(), target_mode) == 0;
  if (!made && errno != EEXIST) return fail(cannot(errno, "make", target));
  if (!made) {
    auto seen = look_at(*where);
    if (!seen) return fail(seen.error());
    if (!seen->is_directory) return taken(target, "a file or link is in its place");
    if (seen->is_mount) return taken(target, "something else is mounted there");
    auto empty = is_empty_directory(*where);
    if (!empty) return fail(empty.error());
    if (!*empty) return taken(target, "the directory is not empty");
  }
  base::fd dir(
      ::openat(parent, where->name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir) return fail(cannot(errno, "open", target));
  return prepared{std::move(*where), std::move(dir), made};
}

result<void> target_tree::remove(const std::string& target) const {
  auto where = find(target);
  if (!where && where.error().code == errc::not_found) return {};
  if (!where) return fail(where.error());
  if (::unlinkat(where->parent.get(), where->name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT ||
      errno == ENAMETOOLONG)
    return {};
  return fail(cannot(errno, "remove", target));
}

result<void> target_tree::ask(const std::string& target) const {
  auto where = find(target);
  if (!where) return fail(where.error());
  struct statfs disk {};
  if (::statfs(path_of(where->parent.get(), where->name).c_str(), &disk) == 0) return {};
  return fail(base::errno_error(errno, "examine", target));
}

std::string target_tree::target_at(const std::string& mounted_on) const {
  if (!mounted_on.starts_with(real_root_ + '/')) return {};
  return name_ + mounted_on.substr(real_root_.size());
}

}  // namespace gkm::csi
