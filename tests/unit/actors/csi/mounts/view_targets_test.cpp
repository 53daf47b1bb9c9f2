/// Where kubelet wants a volume: what may be there, and what may not.

#include "volume_fixture.hpp"

#include <gmock/gmock.h>

namespace gkm::csi {
namespace {

class view_targets : public volume_fixture {
protected:
  errc refusal(const volume_record& r) {
    auto mounted = mount(r);
    EXPECT_FALSE(mounted);
    EXPECT_FALSE(has_scratch(r)) << "nothing is left of it";
    return mounted ? errc::none : mounted.error().code;
  }
};

}  // namespace

TEST_F(view_targets, an_empty_directory_is_taken) {
  auto r = record("v1");
  fs::create_directories(r.target);
  EXPECT_TRUE(mount(r));
}

TEST_F(view_targets, a_new_one_is_for_kubelet_alone) {
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  ASSERT_TRUE(unmount(r));
  EXPECT_EQ(fs::status(r.target).permissions(), static_cast<fs::perms>(0750));
}

TEST_F(view_targets, what_is_in_its_place_stays) {
  auto r = record("v1");
  fs::create_directories(fs::path(r.target).parent_path());
  write_text(r.target, "a file");
  EXPECT_EQ(refusal(r), errc::conflict);
  EXPECT_EQ(read_text(r.target), "a file");
  auto removed = ask<done>(&mounted_volumes::remove_target, r.target);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, errc::conflict);
  fs::remove(r.target);

  fs::create_directory_symlink(dir_.path(), r.target);
  EXPECT_EQ(refusal(r), errc::conflict);
  fs::remove(r.target);

  fs::create_directory(r.target);
  write_text(fs::path(r.target) / "full", "");
  EXPECT_EQ(refusal(r), errc::conflict);
  EXPECT_TRUE(fs::exists(fs::path(r.target) / "full"));
  removed = ask<done>(&mounted_volumes::remove_target, r.target);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, errc::conflict);
}

TEST_F(view_targets, somebody_elses_mount_stays) {
  auto r = record("v1");
  fs::create_directories(r.target);
  ASSERT_EQ(::mount("none", r.target.c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_EQ(refusal(r), errc::conflict);
  EXPECT_FALSE(is_mounted(r));
  auto off = unmount(r);
  ASSERT_FALSE(off);
  EXPECT_EQ(off.error().code, errc::conflict);
}

TEST_F(view_targets, another_volumes_view_stays) {
  auto one = record("v1"), two = record("v2");
  two.target = one.target;
  ASSERT_TRUE(mount(one));
  EXPECT_EQ(refusal(two), errc::conflict);
  auto off = unmount(two);
  ASSERT_FALSE(off);
  EXPECT_EQ(off.error().code, errc::conflict);
  EXPECT_TRUE(is_mounted(one));
}

TEST_F(view_targets, a_link_on_the_way_is_not_followed) {
  fs::create_directories(dir_ / "elsewhere");
  fs::create_directories(settings_.kubelet_root / "pods");
  fs::create_directory_symlink(dir_ / "elsewhere", settings_.kubelet_root / "pods" / "v1");
  auto r = record("v1");
  EXPECT_EQ(refusal(r), errc::conflict);
  EXPECT_TRUE(fs::is_empty(dir_ / "elsewhere"));
}

TEST_F(view_targets, a_link_on_the_way_is_named_with_what_helps) {
  fs::create_directories(dir_ / "elsewhere" / "v1");
  fs::create_directory_symlink(dir_ / "elsewhere", settings_.kubelet_root / "pods");
  auto refused = mount(record("v1"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              testing::HasSubstr("'" + (settings_.kubelet_root / "pods").string() +
                                 "' is a symbolic link"));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("bind-mount that place there"));
}

TEST_F(view_targets, must_lie_beneath_kubelets_directory) {
  auto r = record("v1");
  const std::vector<std::string> elsewhere{"/",
                                           "/etc",
                                           settings_.kubelet_root.string(),
                                           (settings_.kubelet_root / ".." / "x").string(),
                                           settings_.kubelet_root.string() + "x/y",
                                           "relative"};
  for (const auto& target : elsewhere) {
    r.target = target;
    EXPECT_EQ(refusal(r), errc::invalid_argument) << target;
    EXPECT_FALSE(ask<done>(&mounted_volumes::remove_target, target));
  }
}

TEST_F(view_targets, a_target_of_4095_characters_is_refused_without_a_trace) {
  auto r = record("v1");
  r.target = settings_.kubelet_root.string() + '/' + std::string(300, 'x');
  EXPECT_EQ(refusal(r), errc::conflict);
}

TEST_F(view_targets, a_name_that_no_file_system_holds_is_absent) {
  auto r = record("v1");
  for (const auto* below : {"", "/mount"}) {
    r.target = settings_.kubelet_root.string() + '/' + std::string(300, 'x') + below;
    EXPECT_TRUE(unmount(r));
    EXPECT_TRUE(ask<done>(&mounted_volumes::remove_target, r.target));
  }
}

TEST_F(view_targets, a_view_that_somebody_hides_is_not_forgotten) {
  auto r = publish(record("v1"));
  ASSERT_EQ(::mount("none", r.target.c_str(), "tmpfs", 0, nullptr), 0);
  auto off = unmount(r);
  ASSERT_FALSE(off);
  EXPECT_EQ(off.error().code, errc::busy);
  EXPECT_TRUE(has_scratch(r));
  ASSERT_EQ(::umount2(r.target.c_str(), 0), 0);
  EXPECT_TRUE(is_mounted(r));
  EXPECT_TRUE(unmount(r));
}

TEST_F(view_targets, a_view_that_was_moved_away_is_not_forgotten) {
  auto r = publish(record("v1"));
  auto pod = settings_.kubelet_root / "pods" / "v1", moved = settings_.kubelet_root / "moved";
  for (bool empty_in_its_place : {false, true}) {
    fs::rename(pod, moved);
    if (empty_in_its_place) fs::create_directories(r.target);
    auto off = unmount(r);
    ASSERT_FALSE(off);
    EXPECT_EQ(off.error().code, errc::busy);
    EXPECT_TRUE(has_scratch(r));
    fs::remove_all(pod);
    fs::rename(moved, pod);
  }
  ASSERT_EQ(::umount2(r.target.c_str(), 0), 0);
  fs::remove_all(pod);
  EXPECT_TRUE(unmount(r)) << "it is gone with its directory";
}

TEST_F(view_targets, lie_directly_beneath_the_root_as_well) {
  auto r = record("v1");
  r.target = settings_.kubelet_root / "mount";
  ASSERT_TRUE(mount(r));
  EXPECT_TRUE(is_mounted(r));
  ASSERT_TRUE(unmount(r));
  ASSERT_TRUE(ask<done>(&mounted_volumes::remove_target, r.target));
  EXPECT_FALSE(fs::exists(r.target));
}

}  // namespace gkm::csi
