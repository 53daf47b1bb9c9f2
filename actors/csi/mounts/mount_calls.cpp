#include "actors/csi/mounts/mount_calls.hpp"

#include "actors/csi/files/beneath.hpp"
#include "base/program/log.hpp"
#include "messages/printable.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace gkm::csi {
namespace {

using outcome = tl::expected<void, mount_failure>;
using options = std::vector<std::pair<std::string, std::string>>;

// Never noexec: caches hold shared objects that frameworks load.
unsigned modern_flags(bool read_only) {
  unsigned flags = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (read_only) flags |= MOUNT_ATTR_RDONLY;
  return flags;
}

unsigned long classic_flags(bool read_only) {
  unsigned long flags = MS_NOSUID | MS_NODEV;
  if (read_only) flags |= MS_RDONLY;
  return flags;
}

/// True in a user namespace other than the first, where trusted attributes cannot be written.
bool is_user_namespace() {
  auto map = base::read_file("/proc/self/uid_map", 4'096);
  return map && map->find("4294967295") == std::string::npos;
}

tl::unexpected<mount_failure> failed(std::string detail = {}) {
  auto code = errno;
  return tl::unexpected(mount_failure{code, std::move(detail)});
}

/// Everything the kernel has to say about a mount that is being made.
std::string messages_of(const base::fd& fs) {
  std::string all;
  std::array<char, 1'024> line{};
  for (ssize_t n; (n = ::read(fs.get(), line.data(), line.size())) > 0;) {
    if (!all.empty()) all += "; ";
    all += printable(std::string_view(line.data(), static_cast<size_t>(n)), 300);
  }
  return all;
}

outcome move_to(const base::fd& mount, int dir) {
  if (::move_mount(mount.get(), "", dir, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
    return failed("while moving it to its place");
  return {};
}

outcome modern_overlay(const options& all, const std::string& source, unsigned attributes,
                       int dir) {
  base::fd fs(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!fs) return failed();
  auto say_why = [&] {
    auto code = errno;
    return tl::unexpected(mount_failure{code, messages_of(fs)});
  };
  if (::fsconfig(fs.get(), FSCONFIG_SET_STRING, "source", source.c_str(), 0)) return say_why();
  for (const auto& [key, value] : all) {
    auto how = value.empty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (::fsconfig(fs.get(), how, key.c_str(), value.empty() ? nullptr : value.c_str(), 0))
      return say_why();
  }
  if (::fsconfig(fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)) return say_why();
  base::fd mount(::fsmount(fs.get(), FSMOUNT_CLOEXEC, attributes));
  if (!mount) return say_why();
  return move_to(mount, dir);
}

outcome classic_overlay(const options& all, const std::string& source, unsigned long flags,
                        int dir) {
  std::string text;
  for (const auto& [key, value] : all) {
    if (!text.empty()) text += ',';
    // Quotes keep the commas of a label together.
    text += value.empty() ? key : key + '=' + (key == "context" ? '"' + value + '"' : value);
  }
  if (::mount(source.c_str(), path_of(dir).c_str(), "overlay", flags, text.c_str()) != 0)
    return failed();
  return {};
}

outcome modern_bind(int from, unsigned attributes, int dir) {
  base::fd tree(::open_tree(from, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return failed();
  // Private: what is mounted beneath the view is nobody else's business.
  struct mount_attr attr {};
  attr.attr_set = attributes;
  attr.propagation = MS_PRIVATE;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attr, sizeof attr)) return failed();
  return move_to(tree, dir);
}

outcome classic_bind(int from, unsigned long flags, const mount_point& where, int dir) {
  if (::mount(path_of(from).c_str(), path_of(dir).c_str(), nullptr, MS_BIND, nullptr) != 0)
    return failed();
  auto mounted = path_of(where.parent.get(), where.name);
  if (::mount(nullptr, mounted.c_str(), nullptr, MS_REMOUNT | MS_BIND | flags, nullptr) == 0)
    return {};
  auto why = failed("while taking rights from it");
  ::umount2(mounted.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH);
  return why;
}

bool is_absent(const outcome& made) { return !made && made.error().code == ENOSYS; }

}  // namespace

bool mount_failure::is_impossible_here() const {
  return code == ENODEV || code == EINVAL || code == EOPNOTSUPP || code == EPERM || code == ENOSYS;
}

mount_calls::mount_calls(mount_settings settings)
    : settings_(std::move(settings)),
      in_user_namespace_(is_user_namespace()),
      modern_(settings_.api == mount_api::modern) {}

mount_calls::options mount_calls::overlay_options(const overlay_layers& layers,
                                                  bool is_volatile) const {
  std::string lowers;
  for (int lower : layers.lowers) lowers += (lowers.empty() ? "" : ":") + path_of(lower);
  options all{{"lowerdir", lowers}};
  if (layers.upper >= 0) {
    all.emplace_back("upperdir", path_of(layers.upper));
    all.emplace_back("workdir", path_of(layers.work));
    if (is_volatile) all.emplace_back("volatile", "");
  }
  // Whatever a kernel's defaults are: no layer tells the kernel to look elsewhere.
  all.emplace_back("redirect_dir", "nofollow");
  all.emplace_back("metacopy", "off");
  all.emplace_back("index", "off");
  if (in_user_namespace_) all.emplace_back("userxattr", "");
  if (!settings_.selinux_context.empty()) all.emplace_back("context", settings_.selinux_context);
  return all;
}

outcome mount_calls::try_overlay(const options& all, const std::string& source, bool read_only,
                                 int dir) {
  if (modern_) {
    auto made = modern_overlay(all, source, modern_flags(read_only), dir);
    if (!is_absent(made)) return made;
    modern_ = false;
  }
  return classic_overlay(all, source, classic_flags(read_only), dir);
}

outcome mount_calls::overlay(const overlay_layers& layers, const std::string& source, int dir) {
  bool read_only = layers.upper < 0;
  bool with_volatile = volatile_ && !read_only;
  auto made = try_overlay(overlay_options(layers, with_volatile), source, read_only, dir);
  if (made || !with_volatile || made.error().code != EINVAL) return made;
  auto without = try_overlay(overlay_options(layers, false), source, read_only, dir);
  if (without && volatile_.exchange(false))
    base::log::info("This kernel has no volatile overlays; scratch is synced like other files");
  return without ? without : made;
}

outcome mount_calls::bind(int from, bool read_only, const mount_point& where, int dir) {
  if (modern_) {
    auto made = modern_bind(from, modern_flags(read_only), dir);
    if (!is_absent(made)) return made;
    modern_ = false;
  }
  return classic_bind(from, classic_flags(read_only), where, dir);
}

}  // namespace gkm::csi
