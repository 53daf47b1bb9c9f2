/// What pods write: limited where that is possible, measured, and thrown away whatever it is.

#include "actors/csi/files/trash.hpp"
#include "actors/csi/scratch/volume_size.hpp"
#include "tests/support/child_process.hpp"
#include "volume_fixture.hpp"

#include <fcntl.h>
#include <sys/resource.h>

namespace gkm::csi {
namespace {

class scratch : public volume_fixture {
protected:
  /// Nothing is left in it, not even what is on its way out.
  bool is_emptied() {
    return support::eventually("the scratch is empty",
                               [&] { return fs::is_empty(where().scratches()); });
  }
  /// Starts again with the state directory on a file system of its own; false if that cannot be
  /// mounted.
  bool start_on(const std::vector<std::string>& what) {
    port_.reset();
    fs::create_directories(dir_ / "small");
    std::vector<std::string> command{support::find_program("mount").value_or("mount")};
    command.insert(command.end(), what.begin(), what.end());
    command.push_back((dir_ / "small").string());
    support::child_process child({command, support::basic_environment(), dir_.path()});
    if (child.wait() != 0) return false;
    settings_.where = paths::below(dir_ / "small" / "state");
    store('a');
    start();
    return true;
  }
  void TearDown() override {
    port_.reset();
    ::umount2((dir_ / "small").c_str(), MNT_DETACH);
    volume_fixture::TearDown();
  }
  volume_stats measure(const volume_record& r) {
    return ask<volume_stats>(&mounted_volumes::measure, r).value_or(volume_stats{});
  }
};

}  // namespace

TEST_F(scratch, is_deleted_in_the_background) {
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  for (int i = 0; i < 100; ++i)
    write_text(fs::path(r.target) / "sub" / std::to_string(i), "written");
  ASSERT_TRUE(unmount(r));
  EXPECT_TRUE(is_emptied());
}

TEST_F(scratch, however_deep_a_pod_nests_it_is_deleted) {
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  base::fd here(::open(r.target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Deeper than there are descriptors to hold on to the way.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{100, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  for (int depth = 0; depth < 300; ++depth) {
    ASSERT_EQ(::mkdirat(here.get(), "d", 0777), 0);
    base::fd file(::openat(here.get(), "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    here = base::fd(::openat(here.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(here);
  }
  here.reset();
  ASSERT_TRUE(unmount(r));
  EXPECT_TRUE(is_emptied());
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(scratch, deleting_follows_no_link) {
  fs::create_directories(dir_ / "kept");
  write_text(dir_ / "kept" / "file", "kept");
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  fs::create_directory_symlink(dir_ / "kept", fs::path(r.target) / "link");
  ASSERT_TRUE(unmount(r));
  EXPECT_TRUE(is_emptied());
  EXPECT_EQ(read_text(dir_ / "kept" / "file"), "kept");
}

TEST_F(scratch, its_use_is_measured_with_the_cache) {
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  write_text(fs::path(r.target) / "new", std::string(1 << 20, 'x'));
  auto stats = measure(r);
  EXPECT_EQ(stats.problem, "");
  EXPECT_GE(stats.used_bytes, r.cache_bytes + (1 << 20));
  EXPECT_LE(stats.total_bytes, r.cache_bytes + r.scratch_bytes);
  EXPECT_EQ(stats.total_bytes, stats.used_bytes + stats.available_bytes);
  EXPECT_EQ(stats.used_inodes, r.cache_files + 1);
  EXPECT_EQ(stats.total_inodes, stats.used_inodes + stats.available_inodes);
}

TEST_F(scratch, a_read_only_view_is_full_and_not_broken) {
  auto r = record("v1", view_kind::readonly);
  ASSERT_TRUE(mount(r));
  EXPECT_EQ(measure(r), (volume_stats{42, 42, 0, 2, 2, 0, ""}));
}

TEST_F(scratch, a_view_that_is_gone_is_a_problem) {
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  ASSERT_EQ(::umount2(r.target.c_str(), 0), 0);
  EXPECT_NE(measure(r).problem, "");
  EXPECT_NE(measure(record("unknown")).problem, "");
}

TEST_F(scratch, a_full_disk_leaves_nothing_behind) {
  ASSERT_TRUE(start_on({"-t", "tmpfs", "-o", "size=1m,nr_inodes=60,mode=0755", "small"}));
  std::vector<volume_record> whole;
  result<volume_record> mounted;
  for (int i = 0; i < 60; ++i) {
    auto r = record("v" + std::to_string(i));
    mounted = mount(r);
    if (!mounted) {
      EXPECT_EQ(mounted.error().code, errc::no_space) << mounted.error().message;
      EXPECT_FALSE(has_scratch(r));
      EXPECT_FALSE(fs::exists(r.target));
      break;
    }
    whole.push_back(r);
  }
  ASSERT_FALSE(mounted) << "the disk is large after all";
  for (const auto& r : whole) EXPECT_TRUE(unmount(r));
  EXPECT_TRUE(is_emptied());
  EXPECT_TRUE(mount(record("after")));
}

TEST_F(scratch, that_no_file_system_limits_is_told_to_one_pod_of_the_node) {
  settings_.tell_unlimited = true;
  port_.reset();
  if (!start_on({"-t", "tmpfs", "none"})) GTEST_SKIP() << "this user may not mount";
  auto first = mount(record("v1")), second = mount(record("v2"));
  ASSERT_TRUE(first && second);
  ASSERT_EQ(first->notes.size(), 1u);
  EXPECT_EQ(first->notes[0].reason, "ScratchNotEnforced");
  EXPECT_TRUE(second->notes.empty());
  EXPECT_NE(measure(*second).note.find("not stopped at"), std::string::npos);
  EXPECT_EQ(measure(*second).problem, "");
}

TEST_F(scratch, is_limited_by_the_file_systems_quota) {
  auto image = (dir_ / "image").string();
  if (!support::find_program("mkfs.ext4") || ::access("/dev/loop-control", R_OK | W_OK) != 0)
    GTEST_SKIP() << "without loop devices and mkfs.ext4 this test may not mount";
  write_text(image, "");
  fs::resize_file(image, 64 << 20);
  support::run_program(
      {"mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota", image}, dir_.path());
  if (!start_on({"-o", "loop,prjquota", image}))
    GTEST_SKIP() << "a kernel without project quotas may not mount this";
  auto one = record("one"), two = record("two");
  one.scratch_bytes = two.scratch_bytes = 4 << 20;
  ASSERT_TRUE(mount(one));
  ASSERT_TRUE(mount(two));
  std::ofstream big(fs::path(one.target) / "big", std::ios::binary);
  big << std::string(8 << 20, 'x') << std::flush;
  EXPECT_FALSE(big.good());
  big.close();
  write_text(fs::path(two.target) / "small", std::string(1 << 20, 'x'));
  EXPECT_EQ(fs::file_size(fs::path(two.target) / "small"), 1u << 20);
  ::sync();
  auto stats = measure(two);
  EXPECT_GE(stats.used_bytes, 1u << 20);
  EXPECT_LE(stats.total_bytes, two.cache_bytes + two.scratch_bytes);
  EXPECT_GT(stats.total_inodes, 0u);
  // After a restart nobody gets the limit of a volume that lives.
  two.phase = one.phase = volume_phase::mounted;
  ASSERT_TRUE(write(one));
  ASSERT_TRUE(write(two));
  start();
  auto three = record("three");
  three.scratch_bytes = 8 << 20;
  ASSERT_TRUE(mount(three));
  write_text(fs::path(three.target) / "whole", std::string(6 << 20, 'x'));
  EXPECT_EQ(fs::file_size(fs::path(three.target) / "whole"), 6u << 20);
  ::sync();
  EXPECT_GE(measure(three).used_bytes, 6u << 20);
  EXPECT_LT(measure(two).used_bytes, 2u << 20);
  for (const auto& r : {one, two, three}) EXPECT_TRUE(unmount(r));
  EXPECT_TRUE(is_emptied());
}

TEST(volume_size, counts_what_a_limit_and_the_disk_leave) {
  volume_record r;
  r.view = view_kind::overlay;
  r.cache_bytes = 100;
  r.cache_files = 3;
  r.scratch_bytes = 50;
  scratch_use use;
  use.bytes = 20;
  use.inodes = 2;
  use.max_bytes = 50;
  use.free_bytes = 1'000;
  use.free_inodes = 10;
  EXPECT_EQ(size_of(r, use, ""), (volume_stats{150, 120, 30, 15, 5, 10, ""}));
  use.free_bytes = 7;
  EXPECT_EQ(size_of(r, use, "").available_bytes, 7u);
  use.bytes = 60;
  EXPECT_EQ(size_of(r, use, "").available_bytes, 0u);
  r.view = view_kind::copy;
  EXPECT_EQ(size_of(r, use, "").used_bytes, 60u) << "the copy is counted in the scratch";
}

TEST(volume_size, is_never_small_because_it_is_huge) {
  constexpr auto most = std::numeric_limits<uint64_t>::max();
  volume_record r;
  r.cache_bytes = r.cache_files = r.scratch_bytes = most;
  scratch_use use;
  use.bytes = use.inodes = use.free_bytes = use.free_inodes = 20;
  use.max_bytes = most;
  EXPECT_EQ(size_of(r, use, ""), (volume_stats{most, most, 20, most, most, 20, ""}));
}

TEST(project_quota, a_huge_limit_is_a_limit) {
  EXPECT_EQ(quota_blocks(0), 0u);
  EXPECT_EQ(quota_blocks(1), 1u);
  EXPECT_EQ(quota_blocks(1'024), 1u);
  EXPECT_EQ(quota_blocks(1'025), 2u);
  constexpr auto most = std::numeric_limits<uint64_t>::max();
  for (auto bytes : {most, most - 1'023, most / 2, most / 2 + 1}) {
    EXPECT_GT(quota_blocks(bytes), uint64_t{1} << 52) << bytes;
    EXPECT_LE(quota_blocks(bytes), most / 2 / 1'024) << "the kernel counts bytes, with a sign";
  }
}

}  // namespace gkm::csi
