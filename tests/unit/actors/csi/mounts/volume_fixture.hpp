/// A state directory with caches in its store, kubelet's directory, and the real port between them,
/// in a mount namespace of the test's own.
#pragma once

#include "actors/csi/mounts/mounted_volumes.hpp"
#include "base/program/log.hpp"
#include "messages/relocation.hpp"
#include "tests/support/private_mounts.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <future>

namespace gkm::csi {
namespace fs = std::filesystem;

inline digest digest_of(char c) { return digest{std::string(64, c)}; }

inline void write_text(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}
inline std::string read_text(const fs::path& file) {
  return base::read_file(file, 1 << 20).value_or("(unreadable)");
}

/// Runs `what` as a user without rights, in a child. True if it returned true there.
inline bool as_stranger(const std::function<bool()>& what) {
  constexpr unsigned stranger = 12'345;
  auto child = ::fork();
  if (child == 0) {
    bool sure = ::setresgid(stranger, stranger, stranger) == 0 &&
                ::setresuid(stranger, stranger, stranger) == 0;
    ::_exit(sure && what() ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class volume_fixture : public testing::Test {
protected:
  void SetUp() override {
    base::log::configure(base::log::level::off, false);
    if (!support::have_private_mounts()) GTEST_SKIP() << "this user may not mount";
    settings_.where = paths::below(dir_ / "state");
    settings_.kubelet_root = dir_ / "kubelet";
    fs::create_directories(settings_.kubelet_root);
    // Mounts are not to be deleted through.
    ASSERT_EQ(::mount("none", settings_.kubelet_root.c_str(), "tmpfs", 0, "mode=0755"), 0);
    store('a');
    start();
  }

  void TearDown() override {
    port_.reset();
    ::umount2(settings_.kubelet_root.c_str(), MNT_DETACH);
  }

  /// The port as after a restart of the process.
  void start() {
    port_.reset();
    auto opened = mounted_volumes::open(settings_);
    ASSERT_TRUE(opened) << opened.error().message;
    port_ = std::move(*opened);
    auto recovered = ask<done>(&mounted_volumes::recover);
    ASSERT_TRUE(recovered) << recovered.error().message;
  }

  template <class T, class... Args, class... Given>
  result<T> ask(void (mounted_volumes::*what)(Args...), Given&&... given) {
    std::promise<result<T>> answered;
    ((*port_).*what)(std::forward<Given>(given)...,
                     [&](result<T> r) { answered.set_value(std::move(r)); });
    return answered.get_future().get();
  }
  result<volume_record> mount(const volume_record& r) {
    return ask<volume_record>(&mounted_volumes::mount, r, std::stop_token());
  }
  result<done> unmount(const volume_record& r) {
    return ask<done>(&mounted_volumes::unmount, r.volume_id, r.target);
  }
  bool is_mounted(const volume_record& r) {
    return ask<bool>(&mounted_volumes::is_mounted, r).value_or(false);
  }
  result<done> write(const volume_record& r) { return ask<done>(&mounted_volumes::write, r); }
  /// All of a publish that the disk sees.
  volume_record publish(volume_record r) {
    EXPECT_TRUE(write(r));
    auto mounted = mount(r);
    EXPECT_TRUE(mounted) << mounted.error().message;
    if (!mounted) return r;
    mounted->phase = volume_phase::mounted;
    EXPECT_TRUE(write(*mounted));
    return *mounted;
  }

  /// A cache as the agent leaves it: everybody may read and write, nobody can get there.
  fs::path store(char name) {
    auto before = ::umask(0);
    auto content = where().stored(digest_of(name)) / paths::content;
    fs::create_directories(content / "sub" / "deep");
    write_text(content / "kernel", std::string("kernel of ") + name);
    write_text(content / "sub" / "deep" / "index", R"({"path": "/old/sub/deep/index"})");
    write_text(where().stored(digest_of(name)) / paths::meta, "{}");
    ::umask(before);
    ::chmod((where().root / "store").c_str(), 0700);
    return content;
  }
  /// Says that the index of the cache holds a path.
  void list_index(char name) {
    write_text(where().stored(digest_of(name)) / paths::relocations,
               print_relocations({{"sub/deep/index", 31, {{9, 30, "sub/deep/index"}}}}));
  }

  volume_record record(const std::string& id, view_kind view = view_kind::overlay,
                       char name = 'a') {
    volume_record r;
    r.volume_id = id;
    r.boot = base::boot_id().value_or("");
    r.target = (settings_.kubelet_root / "pods" / id / "volumes/kubernetes.io~csi/cache/mount");
    r.ref = {"default", "cache"};
    if (view != view_kind::empty) r.manifest = digest_of(name);
    r.view = view;
    r.scratch_bytes = 64 << 20;
    r.cache_files = 2;
    r.cache_bytes = 42;
    return r;
  }

  const paths& where() const { return settings_.where; }
  fs::path scratch_of(const volume_record& r) const {
    return where().scratch(volume_key(r.volume_id));
  }
  bool has_scratch(const volume_record& r) const { return fs::exists(scratch_of(r)); }
  bool has_record(const volume_record& r) const {
    return fs::exists(where().volume(volume_key(r.volume_id)));
  }

  support::temp_dir dir_;
  volume_settings settings_;
  std::unique_ptr<mounted_volumes> port_;
};

}  // namespace gkm::csi
