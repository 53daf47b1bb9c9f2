/// What cannot be deleted at once, and when it is tried again.

#include "actors/csi/files/trash.hpp"

#include "tests/support/child_process.hpp"
#include "volume_fixture.hpp"

#include <fcntl.h>

namespace gkm::csi {
namespace {

class stuck_trash : public testing::Test {
protected:
  void SetUp() override {
    base::log::configure(base::log::level::off, false);
    if (!support::have_private_mounts()) GTEST_SKIP() << "this user may not mount";
    fs::create_directories(busy_ / "mounted");
    write_text(busy_ / "file", "written");
    ASSERT_EQ(::mount("none", (busy_ / "mounted").c_str(), "tmpfs", 0, nullptr), 0);
    // Where it stays when the tree above it is renamed.
    held_ = base::fd(::open((busy_ / "mounted").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { let_go(); }

  void let_go() {
    if (held_) ::umount2(("/proc/self/fd/" + std::to_string(held_.get())).c_str(), MNT_DETACH);
    held_.reset();
  }
  /// Returns when whatever was discarded before has been tried.
  void discard_another(trash& t) {
    fs::create_directories(dir_ / "another");
    std::promise<void> gone;
    ASSERT_TRUE(t.discard("another", [&] { gone.set_value(); }));
    gone.get_future().wait();
  }
  bool is_emptied() {
    return support::eventually("nothing is left", [&] { return fs::is_empty(dir_.path()); });
  }

  support::temp_dir dir_;
  const fs::path busy_ = dir_ / "busy";
  base::fd open_{::open(dir_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  base::fd held_;
  std::atomic<int> gone_ = 0;
};

}  // namespace

TEST_F(stuck_trash, is_deleted_after_a_pause) {
  trash t(open_.get(), std::chrono::milliseconds(20));
  ASSERT_TRUE(t.discard("busy", [&] { ++gone_; }));
  discard_another(t);
  EXPECT_FALSE(fs::is_empty(dir_.path()));
  EXPECT_EQ(gone_, 0);
  let_go();
  EXPECT_TRUE(is_emptied());
  EXPECT_TRUE(support::eventually("its end is told", [&] { return gone_ == 1; }));
}

TEST_F(stuck_trash, is_deleted_with_what_is_discarded_later_and_keeps_nobody_waiting) {
  trash t(open_.get(), std::chrono::hours(1));
  ASSERT_TRUE(t.discard("busy", [&] { ++gone_; }));
  discard_another(t);
  EXPECT_FALSE(fs::is_empty(dir_.path()));
  let_go();
  discard_another(t);
  EXPECT_TRUE(is_emptied());
  EXPECT_TRUE(support::eventually("its end is told", [&] { return gone_ == 1; }));
}

TEST_F(stuck_trash, all_but_what_is_in_use_is_deleted) {
  fs::create_directories(dir_ / "tree" / "deep" / "er");
  write_text(dir_ / "tree" / "deep" / "er" / "file", "written");
  std::vector<std::string> names{"tree", "busy"};
  EXPECT_FALSE(delete_trees(open_.get(), names));
  EXPECT_EQ(names, std::vector<std::string>{"busy"});
  EXPECT_FALSE(fs::exists(dir_ / "tree"));
  let_go();
  EXPECT_TRUE(delete_trees(open_.get(), names));
  EXPECT_TRUE(names.empty());
}

}  // namespace gkm::csi
