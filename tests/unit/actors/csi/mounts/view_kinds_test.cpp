/// The other views: read-only, copied, empty; and the cache's index rewritten for where it is seen.

#include "tests/support/child_process.hpp"
#include "volume_fixture.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>

namespace gkm::csi {
namespace {

class view_kinds : public volume_fixture {
protected:
  volume_record relocated(const std::string& id, view_kind view, const std::string& path) {
    auto r = record(id, view);
    r.mount_path = path;
    return r;
  }
  std::string index_in(const volume_record& r) {
    return read_text(fs::path(r.target) / "sub" / "deep" / "index");
  }
  size_t layers_of(char name) {
    auto dir = where().relocated() / digest_of(name).hex;
    if (!fs::exists(dir)) return 0;
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir), {}));
  }
};

}  // namespace

TEST_F(view_kinds, a_read_only_one_cannot_be_written_and_has_no_scratch) {
  auto r = record("v1", view_kind::readonly);
  ASSERT_TRUE(mount(r));
  EXPECT_EQ(read_text(fs::path(r.target) / "kernel"), "kernel of a");
  write_text(fs::path(r.target) / "kernel", "changed");
  EXPECT_EQ(read_text(fs::path(r.target) / "kernel"), "kernel of a");
  EXPECT_FALSE(has_scratch(r));
  EXPECT_TRUE(is_mounted(r));
  EXPECT_TRUE(unmount(r));
  EXPECT_TRUE(fs::is_empty(r.target));
}

TEST_F(view_kinds, a_copy_is_private) {
  fs::create_symlink("kernel", where().stored(digest_of('a')) / paths::content / "link");
  auto r = record("v1", view_kind::copy);
  ASSERT_TRUE(mount(r));
  EXPECT_EQ(read_text(fs::path(r.target) / "link"), "kernel of a");
  write_text(fs::path(r.target) / "kernel", "changed");
  EXPECT_EQ(read_text(where().stored(digest_of('a')) / paths::content / "kernel"), "kernel of a");
  EXPECT_EQ(fs::status(fs::path(r.target) / "sub" / "deep").permissions(), fs::perms::all);
  EXPECT_TRUE(unmount(r));
  EXPECT_FALSE(has_scratch(r));
}

TEST_F(view_kinds, a_copy_that_is_larger_than_its_scratch_is_refused) {
  auto r = record("v1", view_kind::copy);
  r.scratch_bytes = 10;
  auto mounted = mount(r);
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().code, errc::limit_exceeded);
  EXPECT_FALSE(has_scratch(r));
  EXPECT_FALSE(fs::exists(r.target));
}

TEST_F(view_kinds, an_empty_one_is_private_and_writable) {
  auto r = record("v1", view_kind::empty);
  ASSERT_TRUE(mount(r));
  EXPECT_TRUE(is_mounted(r));
  EXPECT_TRUE(fs::is_empty(r.target));
  write_text(fs::path(r.target) / "new", "new");
  EXPECT_EQ(fs::status(r.target).permissions(), fs::perms::all);
  EXPECT_TRUE(unmount(r));
  EXPECT_TRUE(fs::is_empty(r.target));
}

TEST_F(view_kinds, where_an_overlay_is_impossible_the_cache_is_copied_and_the_pod_told) {
  // An overlay cannot have another overlay's upper directory in it.
  auto scratches = where().scratches();
  port_.reset();
  fs::create_directories(dir_ / "low");
  fs::create_directories(dir_ / "up");
  fs::create_directories(dir_ / "work");
  auto options = "lowerdir=" + (dir_ / "low").string() + ",upperdir=" + (dir_ / "up").string() +
                 ",workdir=" + (dir_ / "work").string();
  ASSERT_EQ(::mount("below", scratches.c_str(), "overlay", 0, options.c_str()), 0);
  ::chmod(scratches.c_str(), 0700);
  start();
  auto r = record("v1");
  auto mounted = mount(r);
  ASSERT_TRUE(mounted) << mounted.error().message;
  EXPECT_EQ(mounted->view, view_kind::copy);
  ASSERT_EQ(mounted->notes.size(), 1u);
  EXPECT_EQ(mounted->notes[0].reason, "CopiedCache");
  EXPECT_EQ(read_text(fs::path(r.target) / "kernel"), "kernel of a");
  EXPECT_TRUE(unmount(r));
  port_.reset();
  ::umount2(scratches.c_str(), MNT_DETACH);
}

TEST_F(view_kinds, paths_are_rewritten_for_where_the_pod_sees_them) {
  list_index('a');
  for (auto view : {view_kind::overlay, view_kind::readonly, view_kind::copy}) {
    auto r = relocated(std::string(to_string(view)), view, "/cache/\"here\"");
    auto mounted = mount(r);
    ASSERT_TRUE(mounted) << mounted.error().message;
    EXPECT_TRUE(mounted->notes.empty());
    EXPECT_EQ(mounted->view, view);
    EXPECT_EQ(index_in(r), R"({"path": "/cache/\"here\"/sub/deep/index"})");
    EXPECT_EQ(read_text(fs::path(r.target) / "kernel"), "kernel of a");
    EXPECT_TRUE(is_mounted(r));
  }
  EXPECT_EQ(layers_of('a'), 1u) << "all share one layer";
}

TEST_F(view_kinds, a_relocated_private_view_can_be_written_everywhere) {
  list_index('a');
  auto r = relocated("v1", view_kind::overlay, "/cache");
  ASSERT_TRUE(mount(r));
  EXPECT_EQ(fs::status(fs::path(r.target) / "sub" / "deep").permissions(), fs::perms::all);
  EXPECT_EQ(fs::status(fs::path(r.target) / "sub" / "deep" / "index").permissions(),
            static_cast<fs::perms>(0666));
  EXPECT_EQ(fs::status(r.target).permissions(), fs::perms::all);
}

TEST_F(view_kinds, without_a_mount_path_the_cache_stays_as_it_is) {
  list_index('a');
  auto r = record("v1");
  ASSERT_TRUE(mount(r));
  EXPECT_EQ(index_in(r), R"({"path": "/old/sub/deep/index"})");
}

TEST_F(view_kinds, hostile_relocations_are_left_out_and_told) {
  auto stored = where().stored(digest_of('a'));
  fs::create_symlink("/etc/hostname", stored / paths::content / "link");
  write_text(stored / paths::relocations,
             print_relocations({{"link", 31, {{9, 30, "x"}}},
                                {"missing", 31, {{9, 30, "x"}}},
                                {"sub/deep/index", 31, {{9, 30, "sub/deep/index"}}}}));
  auto r = relocated("v1", view_kind::overlay, "/cache");
  auto mounted = mount(r);
  ASSERT_TRUE(mounted) << mounted.error().message;
  EXPECT_EQ(index_in(r), R"({"path": "/cache/sub/deep/index"})");
  ASSERT_EQ(mounted->notes.size(), 1u);
  EXPECT_EQ(mounted->notes[0].reason, "PathsNotRewritten");
  write_text(where().stored(digest_of('a')) / paths::relocations, "no list at all");
  auto other = relocated("v2", view_kind::overlay, "/elsewhere");
  auto again = mount(other);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->notes.size(), 1u);
}

TEST_F(view_kinds, what_is_no_cache_any_more_is_not_trusted) {
  list_index('a');
  auto stored = where().stored(digest_of('a'));
  auto expect_malformed = [&](const char* what) {
    auto mounted = mount(relocated("v1", view_kind::overlay, "/cache"));
    ASSERT_FALSE(mounted) << what;
    EXPECT_EQ(mounted.error().code, errc::malformed) << what << ": " << mounted.error().message;
    EXPECT_NE(mounted.error().message.find("remove the cache"), std::string::npos) << what;
  };
  fs::rename(stored / paths::relocations, dir_ / "list");
  fs::create_symlink(dir_ / "list", stored / paths::relocations);
  expect_malformed("the list is a link");
  fs::rename(stored / paths::content, dir_ / "content");
  fs::create_directory_symlink(dir_ / "content", stored / paths::content);
  expect_malformed("the content is a link");
  fs::rename(stored, dir_ / "stored");
  fs::create_directory_symlink(dir_ / "stored", stored);
  expect_malformed("the cache is a link");
  fs::remove(stored);
  ASSERT_EQ(::mkfifo(stored.c_str(), 0600), 0);
  expect_malformed("the cache is a fifo");
}

TEST_F(view_kinds, many_ask_for_a_layer_and_it_is_made_once) {
  list_index('a');
  constexpr int many = 16;
  std::vector<std::promise<bool>> answers(many);
  for (int i = 0; i < many; ++i)
    port_->mount(relocated("v" + std::to_string(i), view_kind::overlay, "/cache"), {},
                 [&answers, i](const result<volume_record>& r) {
                   answers[static_cast<size_t>(i)].set_value(r.has_value());
                 });
  for (auto& a : answers) EXPECT_TRUE(a.get_future().get());
  EXPECT_EQ(layers_of('a'), 1u);
  EXPECT_EQ(std::distance(fs::directory_iterator(where().relocated()), {}), 2)
      << "the cache's and an empty one, and nothing half-made is left";
}

TEST_F(view_kinds, layers_that_nobody_uses_do_not_pile_up) {
  list_index('a');
  auto used = relocated("used", view_kind::overlay, "/used");
  ASSERT_TRUE(mount(used));
  for (int i = 0; i < 20; ++i) {
    auto r = relocated("v" + std::to_string(i), view_kind::overlay, "/p" + std::to_string(i));
    ASSERT_TRUE(mount(r));
    ASSERT_TRUE(unmount(r));
  }
  EXPECT_TRUE(support::eventually("few layers are left",
                                  [&] { return layers_of('a') == unused_layers_max + 1; }));
  EXPECT_EQ(index_in(used), R"({"path": "/used/sub/deep/index"})");
  ASSERT_TRUE(write([&] {
    auto r = used;
    r.phase = volume_phase::mounted;
    return r;
  }()));
  start();
  EXPECT_EQ(layers_of('a'), 1u) << "a start keeps only what is used";
  EXPECT_TRUE(is_mounted(used));
  EXPECT_EQ(index_in(used), R"({"path": "/used/sub/deep/index"})");
}

TEST_F(view_kinds, a_shared_object_can_be_loaded_from_every_view) {
  // Some library that this program uses, found where it was loaded from.
  Dl_info library{};
  ASSERT_NE(::dladdr(reinterpret_cast<void*>(&::dlopen), &library), 0);
  fs::copy_file(fs::canonical(library.dli_fname),
                where().stored(digest_of('a')) / paths::content / "launcher.so");
  for (auto view : {view_kind::overlay, view_kind::readonly, view_kind::copy}) {
    auto r = record(std::string(to_string(view)), view);
    ASSERT_TRUE(mount(r));
    auto file = fs::path(r.target) / "launcher.so";
    base::fd in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(in);
    constexpr size_t page = 4'096;
    auto* mapped = ::mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, in.get(), 0);
    EXPECT_NE(mapped, MAP_FAILED) << to_string(view);
    if (mapped != MAP_FAILED) ::munmap(mapped, page);
  }
}

TEST_F(view_kinds, locks_in_one_read_only_view_are_not_seen_in_another) {
  list_index('a');
  auto moved = record("v3", view_kind::readonly);
  moved.mount_path = "/c";
  std::vector<volume_record> all{record("v1", view_kind::readonly),
                                 record("v2", view_kind::readonly), moved};
  std::vector<base::fd> files;
  for (const auto& r : all) {
    ASSERT_TRUE(mount(r));
    files.emplace_back(::open((fs::path(r.target) / "kernel").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::flock(files.back().get(), LOCK_EX | LOCK_NB), 0) << r.volume_id;
  }
  // Such a lock is one at all.
  base::fd again(::open((fs::path(all[0].target) / "kernel").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_NE(::flock(again.get(), LOCK_EX | LOCK_NB), 0);
  files.clear();
  again.reset();
  for (const auto& r : all) EXPECT_TRUE(unmount(r));
}

}  // namespace gkm::csi
