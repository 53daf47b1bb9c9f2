/// The private view: an overlay over the cache, with a scratch of its own.

#include "volume_fixture.hpp"

#include <sys/statfs.h>
#include <sys/statvfs.h>

namespace gkm::csi {
namespace {

class view_overlay : public volume_fixture {};

}  // namespace

TEST_F(view_overlay, shows_the_cache_and_goes_without_a_trace) {
  auto r = record("v1");
  auto mounted = mount(r);
  ASSERT_TRUE(mounted) << mounted.error().message;
  EXPECT_EQ(*mounted, r) << "it is what was asked for, without notes";
  EXPECT_TRUE(is_mounted(r));
  EXPECT_EQ(read_text(fs::path(r.target) / "kernel"), "kernel of a");
  EXPECT_TRUE(has_scratch(r));
  ASSERT_TRUE(unmount(r));
  EXPECT_FALSE(is_mounted(r));
  EXPECT_TRUE(fs::is_empty(r.target));
  EXPECT_FALSE(has_scratch(r));
  ASSERT_TRUE(unmount(r)) << "nothing there is success";
  ASSERT_TRUE(ask<done>(&mounted_volumes::remove_target, r.target));
  ASSERT_TRUE(ask<done>(&mounted_volumes::remove_target, r.target));
  EXPECT_FALSE(fs::exists(r.target));
}

TEST_F(view_overlay, a_write_is_seen_by_its_pod_alone) {
  auto one = record("v1"), two = record("v2");
  ASSERT_TRUE(mount(one));
  ASSERT_TRUE(mount(two));
  write_text(fs::path(one.target) / "kernel", "changed");
  write_text(fs::path(one.target) / "sub" / "new", "new");
  EXPECT_EQ(read_text(fs::path(one.target) / "kernel"), "changed");
  EXPECT_EQ(read_text(fs::path(two.target) / "kernel"), "kernel of a");
  EXPECT_FALSE(fs::exists(fs::path(two.target) / "sub" / "new"));
  auto content = where().stored(digest_of('a')) / paths::content;
  EXPECT_EQ(read_text(content / "kernel"), "kernel of a");
  EXPECT_FALSE(fs::exists(content / "sub" / "new"));
}

TEST_F(view_overlay, any_user_reads_and_writes_everywhere) {
  if (::geteuid() != 0) GTEST_SKIP() << "this user may not mount for others";
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  // As the container of another user finds it: bound to where only the view matters.
  fs::path seen = settings_.kubelet_root / "seen";
  fs::create_directories(seen);
  ASSERT_EQ(::mount(r.target.c_str(), seen.c_str(), nullptr, MS_BIND, nullptr), 0);
  for (auto p = dir_.path(); p.has_relative_path(); p = p.parent_path())
    if (p == dir_.path()) ::chmod(p.c_str(), 0755);
  EXPECT_TRUE(as_stranger([&] { return read_text(seen / "kernel") == "kernel of a"; }));
  EXPECT_TRUE(as_stranger([&] {
    write_text(seen / "kernel", "mine");
    write_text(seen / "new", "mine");
    write_text(seen / "sub" / "deep" / "new", "mine");
    fs::create_directories(seen / "sub" / "deep" / "more" / "levels");
    fs::rename(seen / "sub" / "deep" / "index", seen / "sub" / "index");
    fs::remove(seen / "sub" / "deep" / "new");
    return read_text(seen / "kernel") == "mine" && read_text(seen / "new") == "mine" &&
           !fs::exists(seen / "sub" / "deep" / "new");
  }));
  EXPECT_EQ(read_text(seen / "kernel"), "mine");
  ::umount2(seen.c_str(), MNT_DETACH);
}

TEST_F(view_overlay, programs_in_it_gain_no_rights_but_may_be_loaded) {
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  struct statvfs info {};
  ASSERT_EQ(::statvfs(r.target.c_str(), &info), 0);
  EXPECT_TRUE(info.f_flag & ST_NOSUID);
  EXPECT_TRUE(info.f_flag & ST_NODEV);
  EXPECT_FALSE(info.f_flag & ST_NOEXEC);
  EXPECT_FALSE(info.f_flag & ST_RDONLY);
}

TEST_F(view_overlay, a_busy_one_is_detached) {
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  std::ifstream held(fs::path(r.target) / "kernel");
  ASSERT_TRUE(unmount(r));
  EXPECT_TRUE(fs::is_empty(r.target));
  std::string word;
  held >> word;
  EXPECT_EQ(word, "kernel") << "who had it open keeps it";
}

TEST_F(view_overlay, stacked_ones_all_go) {
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  ASSERT_EQ(::mount(r.target.c_str(), r.target.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_TRUE(unmount(r));
  EXPECT_TRUE(fs::is_empty(r.target));
}

TEST_F(view_overlay, scratch_of_an_earlier_volume_is_not_seen) {
  auto r = record("v1");
  fs::create_directories(scratch_of(r) / "upper");
  write_text(scratch_of(r) / "upper" / "kernel", "stale");
  ASSERT_TRUE(mount(r));
  EXPECT_EQ(read_text(fs::path(r.target) / "kernel"), "kernel of a");
}

TEST_F(view_overlay, mounting_again_begins_anew) {
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  write_text(fs::path(r.target) / "kernel", "changed");
  ASSERT_TRUE(mount(r));
  EXPECT_EQ(read_text(fs::path(r.target) / "kernel"), "kernel of a");
  ASSERT_TRUE(unmount(r));
  EXPECT_TRUE(fs::is_empty(r.target));
}

TEST_F(view_overlay, works_with_mount_2_alone) {
  settings_.mounting.api = mount_api::classic;
  start();
  for (auto view : {view_kind::overlay, view_kind::readonly, view_kind::copy, view_kind::empty}) {
    auto r = record(std::string(to_string(view)), view);
    auto mounted = mount(r);
    ASSERT_TRUE(mounted) << mounted.error().message;
    EXPECT_EQ(mounted->view, view);
    EXPECT_TRUE(is_mounted(r));
    struct statvfs info {};
    ASSERT_EQ(::statvfs(r.target.c_str(), &info), 0);
    EXPECT_TRUE(info.f_flag & ST_NOSUID);
    EXPECT_TRUE(info.f_flag & ST_NODEV);
    EXPECT_EQ((info.f_flag & ST_RDONLY) != 0, view == view_kind::readonly);
    EXPECT_TRUE(unmount(r));
  }
}

TEST_F(view_overlay, a_digest_that_is_gone_is_to_be_looked_up_again) {
  auto r = record("v1", view_kind::overlay, 'b');
  auto mounted = mount(r);
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().code, errc::not_found);
  EXPECT_FALSE(fs::exists(r.target)) << "the target that was made is gone";
  EXPECT_FALSE(has_scratch(r));
}

TEST_F(view_overlay, a_cache_from_before_a_crash_is_not_used) {
  auto mark = where().stored(digest_of('a')) / paths::unsynced;
  write_text(mark, "another boot");
  auto mounted = mount(record("v1"));
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().code, errc::not_found);
  write_text(mark, base::boot_id().value_or(""));
  EXPECT_TRUE(mount(record("v1")));
}

TEST_F(view_overlay, a_link_in_the_store_leads_nowhere) {
  auto stored = where().stored(digest_of('b'));
  fs::create_directories(stored);
  fs::create_directory_symlink("/etc", stored / paths::content);
  EXPECT_FALSE(mount(record("v1", view_kind::overlay, 'b')));
  fs::create_directory_symlink(where().stored(digest_of('a')), where().stored(digest_of('c')));
  EXPECT_FALSE(mount(record("v1", view_kind::overlay, 'c')));
}

}  // namespace gkm::csi
