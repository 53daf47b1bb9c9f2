/// What a start makes of every half-made state.

#include "actors/csi/mounts/mount_table.hpp"
#include "volume_fixture.hpp"

namespace gkm::csi {
namespace {

class view_recovery : public volume_fixture {
protected:
  size_t mounts_in_kubelet() {
    auto table = read_mount_table();
    if (!table) return 0;
    auto root = settings_.kubelet_root.string() + '/';
    return static_cast<size_t>(std::count_if(table->begin(), table->end(), [&](const auto& e) {
      return e.mounted_on.starts_with(root);
    }));
  }
  static std::string replaced(std::string text, std::string_view what, std::string_view by) {
    auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), by);
  }
  void expect_forgotten(const volume_record& r) {
    EXPECT_FALSE(is_mounted(r));
    EXPECT_FALSE(has_record(r));
    EXPECT_FALSE(has_scratch(r));
  }
  void expect_nothing_of(const volume_record& r) {
    expect_forgotten(r);
    EXPECT_EQ(mounts_in_kubelet(), 0u);
  }
};

}  // namespace

TEST_F(view_recovery, whole_volumes_stay_as_they_are) {
  list_index('a');
  std::vector<volume_record> all;
  for (auto view : {view_kind::overlay, view_kind::readonly, view_kind::copy, view_kind::empty}) {
    all.push_back(publish(record(std::string(to_string(view)), view)));
    auto moved = record(std::string(to_string(view)) + "-moved", view);
    moved.mount_path = "/cache";
    all.push_back(publish(moved));
  }
  write_text(fs::path(all[0].target) / "kernel", "mine");
  start();
  for (const auto& r : all) EXPECT_TRUE(is_mounted(r)) << r.volume_id;
  EXPECT_EQ(read_text(fs::path(all[0].target) / "kernel"), "mine");
  for (const auto& r : all) {
    EXPECT_EQ(ask<volume_record>(&mounted_volumes::read, r.volume_id), r);
    EXPECT_TRUE(unmount(r)) << r.volume_id;
    EXPECT_TRUE(fs::is_empty(r.target));
    EXPECT_FALSE(has_scratch(r));
  }
  EXPECT_EQ(mounts_in_kubelet(), 0u);
}

TEST_F(view_recovery, a_record_of_a_later_version_keeps_its_volume_forward_and_back) {
  list_index('a');
  for (auto view : {view_kind::overlay, view_kind::readonly, view_kind::copy, view_kind::empty}) {
    auto r = record("later-" + std::string(to_string(view)), view);
    r.mount_path = "/cache";
    r = publish(r);
    auto file = where().volume(volume_key(r.volume_id));
    auto own = read_text(file);
    for (const auto& later : {replaced(own, R"("version": 1)", R"("version": 2, "lease": {})"),
                              replaced(own, R"("mounted")", R"("migrating")")}) {
      write_text(file, later);
      start();
      EXPECT_TRUE(is_mounted(r)) << later;
      EXPECT_EQ(fs::exists(fs::path(r.target) / "kernel"), view != view_kind::empty);
      EXPECT_EQ(read_text(file), later);
      EXPECT_EQ(has_scratch(r), view != view_kind::readonly);
    }
    write_text(file, own);
    start();
    EXPECT_EQ(ask<volume_record>(&mounted_volumes::read, r.volume_id), r);
    write_text(file, replaced(own, R"("mounted")", R"("migrating")"));
    start();
    EXPECT_TRUE(unmount(r));
    EXPECT_FALSE(is_mounted(r));
    EXPECT_TRUE(ask<done>(&mounted_volumes::erase, r.volume_id));
  }
  EXPECT_EQ(mounts_in_kubelet(), 0u);
}

TEST_F(view_recovery, an_intent_of_a_later_version_is_not_undone) {
  auto r = record("v1");
  ASSERT_TRUE(write(r));
  fs::create_directories(r.target);
  fs::create_directories(scratch_of(r) / "upper");
  auto file = where().volume(volume_key(r.volume_id));
  write_text(file, replaced(read_text(file), R"("intent")", R"("prepared")"));
  start();
  EXPECT_TRUE(has_record(r));
  EXPECT_TRUE(has_scratch(r));
  EXPECT_TRUE(fs::exists(r.target));
}

TEST_F(view_recovery, a_record_that_cannot_be_read_unmounts_nothing) {
  list_index('a');
  auto r = record("v1");
  r.mount_path = "/cache";
  r = publish(r);
  auto other = publish(record("v2", view_kind::readonly));
  auto file = where().volume(volume_key(r.volume_id));
  write_text(file, "{}");
  start();
  EXPECT_EQ(mounts_in_kubelet(), 2u);
  EXPECT_TRUE(is_mounted(other));
  EXPECT_EQ(read_text(fs::path(r.target) / "sub/deep/index"),
            R"({"path": "/cache/sub/deep/index"})");
  EXPECT_TRUE(has_scratch(r));
  auto read = ask<volume_record>(&mounted_volumes::read, r.volume_id);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::malformed);
  EXPECT_NE(read.error().message.find(file.string()), std::string::npos);
  // kubelet ends it.
  EXPECT_TRUE(unmount(r));
  EXPECT_TRUE(ask<done>(&mounted_volumes::erase, r.volume_id));
  EXPECT_EQ(mounts_in_kubelet(), 1u);
  EXPECT_FALSE(has_scratch(r));
  EXPECT_EQ(ask<volume_record>(&mounted_volumes::read, r.volume_id).error().code, errc::not_found);
}

TEST_F(view_recovery, an_unreadable_record_from_before_this_boot_is_set_aside) {
  auto r = record("v1");
  ASSERT_TRUE(write(r));
  auto file = where().volume(volume_key(r.volume_id));
  write_text(file, "");
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::years(1));
  start();
  EXPECT_FALSE(has_record(r));
  EXPECT_TRUE(fs::exists(file.parent_path() / (volume_key(r.volume_id) + ".unreadable")));
}

TEST_F(view_recovery, an_intent_alone_is_forgotten) {
  auto r = record("v1");
  ASSERT_TRUE(write(r));
  start();
  expect_nothing_of(r);
}

TEST_F(view_recovery, an_interrupted_mount_is_undone_at_every_step) {
  auto r = record("v1");
  ASSERT_TRUE(write(r));
  fs::create_directories(r.target);
  start();
  expect_nothing_of(r);
  EXPECT_FALSE(fs::exists(r.target));

  ASSERT_TRUE(write(r));
  fs::create_directories(r.target);
  fs::create_directories(scratch_of(r) / "upper");
  start();
  expect_nothing_of(r);
  EXPECT_FALSE(fs::exists(r.target));

  for (auto view : {view_kind::overlay, view_kind::readonly, view_kind::copy, view_kind::empty}) {
    auto v = record("v1", view);
    ASSERT_TRUE(write(v));
    ASSERT_TRUE(mount(v));
    start();
    expect_nothing_of(v);
    EXPECT_FALSE(fs::exists(v.target)) << to_string(view);
  }
}

TEST_F(view_recovery, an_interrupted_unmount_is_completed) {
  auto r = publish(record("v1"));
  ASSERT_TRUE(unmount(r));
  start();
  expect_nothing_of(r);
}

TEST_F(view_recovery, a_mounted_volume_whose_mount_is_gone_is_forgotten) {
  auto r = publish(record("v1"));
  ASSERT_EQ(::umount2(r.target.c_str(), 0), 0);
  EXPECT_FALSE(is_mounted(r));
  start();
  expect_nothing_of(r);
  EXPECT_TRUE(fs::exists(r.target));
}

TEST_F(view_recovery, records_of_another_boot_stand_for_nothing) {
  auto r = record("v1");
  r.boot = "another";
  r.phase = volume_phase::mounted;
  ASSERT_TRUE(write(r));
  fs::create_directories(scratch_of(r) / "upper");
  fs::create_directories(r.target);
  start();
  expect_nothing_of(r);
  EXPECT_TRUE(fs::exists(r.target)) << "kubelet publishes again";
}

TEST_F(view_recovery, mounts_without_a_record_are_taken_off) {
  for (auto view : {view_kind::overlay, view_kind::readonly, view_kind::copy, view_kind::empty}) {
    auto r = record("v1", view);
    ASSERT_TRUE(mount(r));
    start();
    expect_nothing_of(r);
  }
}

TEST_F(view_recovery, mounts_of_others_stay) {
  auto other = settings_.kubelet_root / "pods" / "other" / "mount";
  fs::create_directories(other);
  ASSERT_EQ(::mount("none", other.c_str(), "tmpfs", 0, nullptr), 0);
  auto r = publish(record("v1"));
  auto subpath = settings_.kubelet_root / "pods" / "v1" / "volume-subpaths" / "cache" / "0";
  fs::create_directories(subpath);
  ASSERT_EQ(::mount(r.target.c_str(), subpath.c_str(), nullptr, MS_BIND, nullptr), 0);
  start();
  EXPECT_EQ(mounts_in_kubelet(), 3u);
  EXPECT_TRUE(is_mounted(r));
}

TEST_F(view_recovery, scratch_without_a_record_is_discarded) {
  auto r = record("v1");
  fs::create_directories(scratch_of(r) / "upper" / "deep");
  fs::create_directories(where().scratches() / ".0123456789abcdef" / "upper");
  start();
  expect_nothing_of(r);
}

TEST_F(view_recovery, whatever_stands_in_a_record_its_view_stays_until_the_volume_ends) {
  auto r = publish(record("v1"));
  auto file = where().volume(volume_key(r.volume_id));
  auto other = record("v2");
  ASSERT_TRUE(write(other));
  auto another_volumes = read_text(where().volume(volume_key("v2")));
  ASSERT_TRUE(ask<done>(&mounted_volumes::erase, std::string("v2")));
  for (std::string text : {std::string(), std::string("{"), std::string("[]"),
                           std::string("{\"version\":1}"), another_volumes}) {
    write_text(file, text);
    start();
    auto read = ask<volume_record>(&mounted_volumes::read, r.volume_id);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::malformed) << text;
    EXPECT_EQ(read_text(file), text);
    EXPECT_EQ(mounts_in_kubelet(), 1u) << text;
    EXPECT_TRUE(has_scratch(r)) << text;
  }
  EXPECT_TRUE(unmount(r));
  EXPECT_TRUE(ask<done>(&mounted_volumes::erase, r.volume_id));
  start();
  expect_nothing_of(r);
}

TEST_F(view_recovery, only_one_process_mounts) {
  auto second = mounted_volumes::open(settings_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::busy);
}

TEST_F(view_recovery, only_one_process_mounts_whatever_its_run_directory) {
  auto other = settings_;
  other.where.run = dir_ / "other-run";
  auto second = mounted_volumes::open(other);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::busy);
}

TEST_F(view_recovery, what_lies_beneath_another_root_stays) {
  list_index('a');
  auto moved = record("v1");
  moved.mount_path = "/cache";
  std::vector<volume_record> all{publish(moved), publish(record("v2", view_kind::readonly))};
  auto intent = record("v3");
  ASSERT_TRUE(write(intent));
  auto unrecorded = record("v4");
  ASSERT_TRUE(mount(unrecorded));
  const auto root = std::exchange(settings_.kubelet_root, dir_ / "other");
  fs::create_directory(settings_.kubelet_root);
  start();
  EXPECT_TRUE(has_record(all[0]) && has_record(all[1]) && has_record(intent));
  EXPECT_TRUE(has_scratch(all[0]) && has_scratch(unrecorded));
  EXPECT_EQ(read_text(fs::path(all[0].target) / "sub/deep/index"),
            R"({"path": "/cache/sub/deep/index"})");

  settings_.kubelet_root = root;
  start();
  for (const auto& r : all) EXPECT_TRUE(is_mounted(r)) << r.volume_id;
  expect_forgotten(intent);
  expect_forgotten(unrecorded);
}

TEST_F(view_recovery, who_mounts_one_target_touches_no_other) {
  auto whole = publish(record("v1")), unrecorded = record("v2"), own = record("v3");
  ASSERT_TRUE(mount(unrecorded));
  ASSERT_TRUE(write(own));
  ASSERT_TRUE(mount(own));
  settings_.only_target = own.target;
  start();
  EXPECT_TRUE(has_record(whole) && has_scratch(whole));
  EXPECT_TRUE(has_scratch(unrecorded));
  EXPECT_TRUE(fs::exists(fs::path(unrecorded.target) / "kernel"));
  expect_forgotten(own);
  settings_.only_target.clear();
  start();
  EXPECT_TRUE(is_mounted(whole));
}

TEST_F(view_recovery, an_interrupted_mount_that_somebody_hides_waits_for_the_next_start) {
  auto r = record("v1");
  ASSERT_TRUE(write(r));
  ASSERT_TRUE(mount(r));
  ASSERT_EQ(::mount("none", r.target.c_str(), "tmpfs", 0, nullptr), 0);
  start();
  EXPECT_TRUE(has_record(r));
  ASSERT_EQ(::umount2(r.target.c_str(), 0), 0);
  start();
  expect_nothing_of(r);
}

TEST_F(view_recovery, a_scratch_that_others_may_write_to_is_refused) {
  port_.reset();
  ::chmod(where().scratches().c_str(), 0777);
  auto opened = mounted_volumes::open(settings_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::refused);
}

TEST(mount_table, is_read_as_the_kernel_writes_it) {
  auto table = parse_mount_table(
      "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw\n"
      "nonsense\n"
      "37 35 0:41 / /a rw - overlay gkm:12345678:0 rw,lowerdir=/x\n");
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table[0].id, 36u);
  EXPECT_EQ(table[0].dev_major, 98u);
  EXPECT_EQ(table[0].root, "/mnt1");
  EXPECT_EQ(table[0].mounted_on, "/mnt 2");
  EXPECT_EQ(table[0].type, "ext3");
  EXPECT_EQ(table[1].source, "gkm:12345678:0");
  EXPECT_EQ(table[1].dev_minor, 41u);
}

}  // namespace gkm::csi
