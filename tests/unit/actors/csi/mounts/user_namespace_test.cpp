/// Rootless machines: mounting in a user namespace of one's own, where some things are forbidden.

#include "volume_fixture.hpp"

namespace gkm::csi {
namespace {

/// Becomes the root of a new user namespace; only a process with one thread can.
bool become_rootless() {
  auto uid = ::getuid();
  auto gid = ::getgid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  write_text("/proc/self/setgroups", "deny");
  write_text("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
  write_text("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
  return ::getuid() == 0;
}

constexpr int not_possible = 77;

/// In a child, so that what it becomes stays there.
int in_user_namespace(const std::function<bool()>& what) {
  auto child = ::fork();
  if (child == 0) ::_exit(!become_rootless() ? not_possible : what() ? 0 : 1);
  int status = 1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

bool mounts_a_view(const fs::path& dir) {
  volume_settings settings;
  settings.where = paths::below(dir / "state");
  settings.kubelet_root = dir / "kubelet";
  auto content = settings.where.stored(digest_of('a')) / paths::content;
  fs::create_directories(content);
  fs::create_directories(settings.kubelet_root);
  write_text(content / "kernel", "kernel");
  auto port = mounted_volumes::open(settings);
  if (!port) return false;
  volume_record r;
  r.volume_id = "v1";
  r.target = settings.kubelet_root / "mount";
  r.manifest = digest_of('a');
  r.view = view_kind::overlay;
  std::promise<result<volume_record>> answered;
  (*port)->mount(r, {}, [&](result<volume_record> m) { answered.set_value(std::move(m)); });
  auto mounted = answered.get_future().get();
  if (!mounted || mounted->view != view_kind::overlay) return false;
  fs::remove(fs::path(r.target) / "kernel");
  write_text(fs::path(r.target) / "new", "new");
  return !fs::exists(fs::path(r.target) / "kernel") &&
         read_text(fs::path(r.target) / "new") == "new" && fs::exists(content / "kernel");
}

}  // namespace

TEST(user_namespace, an_overlay_is_possible_there) {
  base::log::configure(base::log::level::off, false);
  support::temp_dir dir;
  auto code = in_user_namespace([&] { return mounts_a_view(dir.path()); });
  if (code == not_possible) GTEST_SKIP() << "without user namespaces this user may not mount";
  EXPECT_EQ(code, 0);
}

}  // namespace gkm::csi
