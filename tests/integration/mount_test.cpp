// `gkm mount` as a person uses it: no Kubernetes, real mounts in a namespace of the test's own.
#include "messages/paths.hpp"
#include "real_registry.hpp"
#include "tests/support/build_tree.hpp"
#include "tests/support/private_mounts.hpp"
#include "tests/support/registry/cache_image.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>

namespace gkm::support {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class mount_command : public real_registry_test {
protected:
  void SetUp() override {
    real_registry_test::SetUp();
    if (IsSkipped()) return;
    if (!have_private_mounts()) GTEST_SKIP() << "this user may not mount";
    pack(sample("gfx90a"), "v1");
    bench_.want("c", "oci:" + layout() + ":v1");
  }
  void TearDown() override {
    for (const auto& at : {at_, bench_.root() / "other", bench_.root() / "one" / "cache",
                           bench_.root() / "two" / "cache"})
      ::umount2(at.c_str(), MNT_DETACH);
  }

  void make_ready() {
    EXPECT_EQ(bench_.gkm({"up", bench_.caches(), "--once"}).code, 0);
    stored_ = tree_of(bench_.status("c").path);
  }
  std::map<std::string, std::string> in_store() { return tree_of(bench_.status("c").path); }
  static bool is_empty(const fs::path& dir) { return !fs::exists(dir) || fs::is_empty(dir); }

  const fs::path at_ = bench_.root() / "cache";
  std::map<std::string, std::string> stored_;
};

TEST_F(mount_command, gives_a_private_cache_whose_paths_lead_to_it) {
  make_ready();
  auto said = bench_.gkm({"mount", "c", at_});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(said.out, HasSubstr("overlay"));
  auto seen = tree_of(at_);
  size_t groups = 0;
  for (const auto& [path, content] : seen) {
    if (path.find("__grp__") == path.npos) continue;
    ++groups;
    auto from = content.find(at_.string());
    ASSERT_NE(from, content.npos) << content;
    auto file = content.substr(from, content.find('"', from) - from);
    EXPECT_TRUE(fs::exists(file)) << file;
  }
  EXPECT_GT(groups, 0U);
  EXPECT_EQ(seen.size(), stored_.size());
  write_whole(at_ / "written", "by a pod");
  ASSERT_EQ(bench_.gkm({"mount", "default/c", bench_.root() / "other"}).code, 0);
  EXPECT_FALSE(fs::exists(bench_.root() / "other" / "written"));
  EXPECT_EQ(in_store(), stored_);
  EXPECT_EQ(bench_.gkm({"mount", "c", at_}).code, 0) << "it is mounted already";

  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
  EXPECT_EQ(bench_.gkm({"unmount", bench_.root() / "other"}).code, 0);
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 3) << "it is gone already";
  EXPECT_FALSE(fs::exists(at_));
  auto where = paths::below(bench_.state());
  EXPECT_TRUE(is_empty(where.scratches()));
  EXPECT_TRUE(is_empty(where.volumes()));
  EXPECT_EQ(in_store(), stored_);
}

TEST_F(mount_command, leaves_alone_what_is_mounted_elsewhere) {
  make_ready();
  const auto one = bench_.root() / "one", two = bench_.root() / "two";
  for (const auto& dir : {one, two}) fs::create_directories(dir / "plugins_registry");
  ASSERT_EQ(bench_.gkm({"mount", "c", one / "cache"}).code, 0);
  write_whole(one / "cache" / "written", "by a pod");
  auto said = bench_.gkm({"mount", "c", two / "cache"});
  EXPECT_EQ(said.code, 0) << said.err;
  {
    child_process csi({{program("gkm-csi"), "--endpoint", bench_.root() / "csi.sock",
                        "--kubelet-root", two, "--state-dir", bench_.state(), "--node-id", "n"},
                       bench_.environment(),
                       bench_.output()});
    auto ready = [&] { return !csi.is_running() || fs::exists(bench_.root() / "csi.sock"); };
    EXPECT_TRUE(eventually("gkm-csi serves", ready)) << csi.err();
    csi.send_signal(SIGTERM);
    EXPECT_EQ(csi.wait(), 0) << csi.err();
  }
  EXPECT_EQ(bench_.gkm({"unmount", two / "cache"}).code, 0);
  EXPECT_EQ(read_whole(one / "cache" / "written"), "by a pod");
  EXPECT_EQ(bench_.gkm({"mount", "c", one / "cache"}).code, 0) << "it is mounted already";
  EXPECT_EQ(read_whole(one / "cache" / "written"), "by a pod");
  EXPECT_EQ(bench_.gkm({"unmount", one / "cache"}).code, 0);
  EXPECT_TRUE(is_empty(paths::below(bench_.state()).volumes()));
}

TEST_F(mount_command, waits_for_a_cache_that_is_on_its_way_and_is_counted) {
  auto waiting = bench_.start({"mount", "default/c", at_, "--wait", "2m"});
  auto up = bench_.up();
  EXPECT_EQ(waiting.wait(), 0) << waiting.err();
  bench_.wait_for("c", "is in use",
                  [](const cache_status& s) { return s.state == cache_state::running; });
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
  bench_.wait_ready("c");
  up.send_signal(SIGTERM);
  EXPECT_EQ(up.wait(), 0);
}

TEST_F(mount_command, shows_the_cache_itself_to_those_who_only_read) {
  make_ready();
  ASSERT_EQ(bench_.gkm({"mount", "c", at_, "--read-only"}).code, 0);
  EXPECT_FALSE(fs::exists(at_ / "written"));
  EXPECT_FALSE(std::ofstream(at_ / "written").is_open());
  EXPECT_EQ(tree_of(at_).size(), stored_.size());
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
  ASSERT_EQ(bench_.gkm({"mount", "c", at_, "--copy"}).code, 0);
  write_whole(at_ / "written", "by a pod");
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
  EXPECT_EQ(in_store(), stored_);
}

TEST_F(mount_command, says_what_is_wrong_and_leaves_nothing) {
  make_ready();
  auto said = bench_.gkm({"mount", "absent", at_});
  EXPECT_EQ(said.code, 3);
  EXPECT_THAT(said.err, HasSubstr("'absent'"));
  EXPECT_EQ(bench_.gkm({"mount", "../c", at_}).code, 2);
  EXPECT_EQ(bench_.gkm({"mount", "c", ""}).code, 2);
  EXPECT_EQ(bench_.gkm({"unmount", ""}).code, 2);
  EXPECT_EQ(bench_.gkm({"mount", "c", bench_.root() / std::string(300, 'x')}).code, 2);
  said = bench_.gkm({"mount", "c", bench_.root() / "absent" / "cache"});
  EXPECT_EQ(said.code, 3);
  EXPECT_THAT(said.err, testing::Not(HasSubstr("kubelet")));
  EXPECT_FALSE(fs::exists(bench_.root() / "absent"));
  EXPECT_EQ(bench_.gkm({"mount", "other/../x", at_}).code, 2);
  said = bench_.gkm({"mount", "default/late", at_, "--wait", "0s"});
  EXPECT_EQ(said.code, 5);
  EXPECT_THAT(said.err, HasSubstr("'default/late' was not ready within 0s"));
  EXPECT_EQ(bench_.gkm({"mount", "c", at_, "--scratch-size", "much"}).code, 2);
  EXPECT_FALSE(fs::exists(at_));

  fs::create_directory(at_);
  write_whole(at_ / "mine", "keep");
  said = bench_.gkm({"mount", "c", at_});
  EXPECT_NE(said.code, 0);
  EXPECT_THAT(said.err, HasSubstr(at_.string()));
  EXPECT_EQ(read_whole(at_ / "mine"), "keep");
  EXPECT_NE(bench_.gkm({"mount", "c", at_ / "mine"}).code, 0);
  auto where = paths::below(bench_.state());
  EXPECT_TRUE(is_empty(where.scratches()));
  EXPECT_TRUE(is_empty(where.volumes()));
}

TEST_F(mount_command, unmount_touches_nothing_that_is_not_a_mount_of_gkm) {
  make_ready();
  const auto plain = bench_.root() / "plain", foreign = bench_.root() / "foreign";
  fs::create_directory(plain);
  fs::create_directory(foreign);
  ASSERT_EQ(::mount("tmpfs", foreign.c_str(), "tmpfs", 0, nullptr), 0);
  for (const auto& path :
       {std::string("/proc"), std::string("/nonsense"), std::string("c"), std::string("/"),
        plain.string(), foreign.string(), (plain / "absent" / "deeper").string()}) {
    auto said = bench_.gkm({"unmount", path});
    EXPECT_EQ(said.code, 3) << path;
    EXPECT_THAT(said.err, HasSubstr("Nothing of GKM's is mounted at '" + path + "'"));
  }
  EXPECT_TRUE(fs::exists(plain));
  EXPECT_TRUE(fs::exists("/proc/self"));
  EXPECT_EQ(::umount2(foreign.c_str(), 0), 0) << "the other mount is still there";

  ASSERT_EQ(bench_.gkm({"mount", "c", at_}).code, 0);
  ASSERT_EQ(::mount("tmpfs", at_.c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 3) << "what lies over it is not ours";
  EXPECT_EQ(::umount2(at_.c_str(), 0), 0);
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
}

TEST_F(mount_command, unmount_finds_the_state_directory_by_the_mount) {
  make_ready();
  for (const auto& how : std::vector<std::vector<std::string>>{{}, {"--copy"}, {"--read-only"}}) {
    auto said = std::vector<std::string>{"mount", "c", at_};
    said.insert(said.end(), how.begin(), how.end());
    ASSERT_EQ(bench_.gkm(said).code, 0);
    const auto mine = bench_.state();
    bench_.keep_state_in(bench_.root() / "another");
    EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
    bench_.keep_state_in(mine);
    EXPECT_FALSE(fs::exists(at_));
    EXPECT_TRUE(is_empty(paths::below(bench_.state()).volumes()));
    EXPECT_TRUE(is_empty(paths::below(bench_.state()).scratches()));
  }
}

TEST_F(mount_command, a_directory_that_was_there_before_stays) {
  make_ready();
  fs::create_directory(at_);
  ASSERT_EQ(bench_.gkm({"mount", "c", at_}).code, 0);
  ASSERT_EQ(bench_.gkm({"mount", "c", at_}).code, 0);
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
  EXPECT_TRUE(fs::is_directory(at_));
  EXPECT_TRUE(fs::is_empty(at_));
}

TEST_F(mount_command, belongs_to_who_called_sudo_and_to_nobody_else) {
  make_ready();
  constexpr uid_t alice = 4'242;
  bench_.environment()["SUDO_UID"] = bench_.environment()["SUDO_GID"] = std::to_string(alice);
  const auto mode_of = [&] {
    struct stat seen {};
    EXPECT_EQ(::stat(at_.c_str(), &seen), 0);
    return std::pair(seen.st_uid, seen.st_mode & 0777U);
  };
  using expected = std::pair<uid_t, unsigned>;
  ::chmod(bench_.root().c_str(), 0755);
  for (const auto& how : {"--copy=false", "--copy", "--read-only"}) {
    ASSERT_EQ(bench_.gkm({"mount", "c", at_, how}).code, 0) << how;
    EXPECT_EQ(mode_of(), expected(alice, 0700U)) << how;
    EXPECT_EQ(tree_of(at_).size(), stored_.size()) << how;
    EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
  }
  ASSERT_EQ(bench_.gkm({"mount", "c", at_, "--owner", "7:8", "--mode", "0770"}).code, 0);
  EXPECT_EQ(mode_of(), expected(7, 0770U));
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
  auto said = bench_.gkm({"mount", "c", at_, "--mode", "0755"});
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.err, HasSubstr("0770"));
  EXPECT_EQ(bench_.gkm({"mount", "c", at_, "--owner", "no-such-user"}).code, 2);
  EXPECT_FALSE(fs::exists(at_));
}

TEST_F(mount_command, says_that_what_is_mounted_is_not_as_asked) {
  make_ready();
  ASSERT_EQ(bench_.gkm({"mount", "c", at_}).code, 0);
  auto said = bench_.gkm({"mount", "c", at_, "--read-only"});
  EXPECT_EQ(said.code, 9);
  EXPECT_THAT(said.err, HasSubstr("writable"));
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
}

TEST_F(mount_command, a_wait_that_ends_says_what_the_cache_waits_for) {
  bench_.want("far", "127.0.0.1:1/none:v1");
  auto up = bench_.up();
  bench_.wait_error("far", errc::unavailable);
  auto said = bench_.gkm({"mount", "far", at_, "--wait", "1s"});
  EXPECT_EQ(said.code, 5);
  EXPECT_THAT(said.err, HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(said.err, testing::Not(HasSubstr("spelled")));
  said = bench_.gkm({"mount", "defautl/c", at_, "--wait", "0s"});
  EXPECT_EQ(said.code, 5);
  EXPECT_THAT(said.err, HasSubstr("did you mean 'default/c'?"));
  said = bench_.gkm({"mount", "cc", at_, "--wait", "0s"});
  EXPECT_EQ(said.code, 3);
  EXPECT_THAT(said.err, HasSubstr("did you mean"));
}

TEST_F(mount_command, needs_root_and_says_so) {
  bench_.be_nobody();
  auto said = bench_.gkm({"mount", "c", at_});
  EXPECT_EQ(said.code, 1);
  EXPECT_THAT(said.err, testing::AllOf(HasSubstr("root"), HasSubstr("gkm pull")));
}

}  // namespace
}  // namespace gkm::support
