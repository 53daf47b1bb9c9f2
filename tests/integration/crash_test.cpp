// `gkm up` killed at any moment, and a disk that is full.
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/workbench.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <random>
#include <thread>

namespace gkm::support {
namespace {

using testing::HasSubstr;

constexpr size_t filler_bytes = 20'000'000;

TEST(crash, at_any_moment_leaves_the_whole_cache_or_none) {
  constexpr int rounds = 16;
  constexpr unsigned seed = 20'240'917;
  constexpr unsigned longest_life_ms = 400;
  SCOPED_TRACE("seed " + std::to_string(seed));
  auto image = cache_image().layer(kernel_layer(0x3f, filler_bytes).finished());
  auto small = cache_image().layer(kernel_layer(0x3f, 300'000).finished());
  image_registry registry(image);
  registry.add("small", small);
  workbench bench;
  bench.want("big", registry.name());
  bench.want("small", registry.name("small"));
  std::map<std::string, std::string> whole;
  std::mt19937 chance(seed);
  for (int round = 0; round < rounds; ++round) {
    // Now and then everything is begun anew.
    if (round % 4 == 0) std::filesystem::remove_all(bench.state());
    auto up = bench.up();
    std::this_thread::sleep_for(std::chrono::milliseconds{chance() % longest_life_ms});
    up.send_signal(SIGKILL);
    up.wait();
    // What is visible is whole, whatever the moment was.
    for (const auto& hex : bench.stored()) {
      auto content = tree_of(bench.state() / "store" / "sha256" / hex / "content");
      EXPECT_EQ(content.size(), 3U) << "round " << round;
      for (const auto& [path, text] : content)
        if (path.ends_with(".llir")) {
          EXPECT_EQ(text.size(), 2 + (image.digest().ends_with(hex) ? filler_bytes : 300'000U))
              << "round " << round;
        }
    }
  }
  auto up = bench.up();
  auto s = bench.wait_ready("big");
  bench.wait_ready("small");
  bench.wait_store(2);
  eventually("all is synced", [&] { return !bench.has_unsynced(); });
  auto to = bench.root() / "to";
  EXPECT_EQ(bench.gkm({"pull", registry.name(), to}).code, 0);
  EXPECT_TRUE(tree_of(s.path) == tree_of(to));
}

class full_disk : public testing::Test {
protected:
  /// A small file system of the test's own, seen by it and its children alone.
  void SetUp() override {
    dir_ = bench_.root() / "disk";
    std::filesystem::create_directory(dir_);
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", dir_.c_str(), "tmpfs", 0, "size=60m") != 0)
      GTEST_SKIP() << "may not mount: " << std::strerror(errno);
    mounted_ = true;
    bench_.keep_state_in(dir_ / "state");
  }
  void TearDown() override {
    if (mounted_) ::umount2(dir_.c_str(), MNT_DETACH);
  }
  void resize(const std::string& size) {
    ASSERT_EQ(::mount("none", dir_.c_str(), "tmpfs", MS_REMOUNT, ("size=" + size).c_str()), 0);
  }

  workbench bench_;
  std::filesystem::path dir_;
  bool mounted_ = false;
};

TEST_F(full_disk, is_a_state_that_heals) {
  auto image = cache_image().layer(kernel_layer(0x3f, filler_bytes).finished());
  image_registry registry(image);
  auto up = bench_.up();
  bench_.want("c", registry.name());
  auto s = bench_.wait_error("c", errc::no_space);
  EXPECT_NE(s.message, "");
  EXPECT_GT(s.retry_unix_s, 0);
  EXPECT_EQ(s.path, "");
  bench_.wait_store(0);
  EXPECT_EQ(registry.blob_requests(image.layer_digest()), 0U);
  resize("300m");
  bench_.wait_ready("c");
  bench_.wait_store(1);
  EXPECT_TRUE(up.is_running());
}

// Nobody asked how much there would be: the label says little, the layer is large.
TEST_F(full_disk, in_the_midst_of_a_pull_leaves_nothing) {
  resize("30m");
  auto image = cache_image().layer(kernel_layer(0x3f, 40'000'000).finished());
  image_registry registry(image);
  auto said = bench_.gkm({"pull", registry.name(), dir_ / "to"});
  EXPECT_EQ(said.code, 8) << said.err;
  EXPECT_THAT(said.err, HasSubstr(dir_.string()));
  EXPECT_EQ(tree_of(dir_).size(), 0U);
}

}  // namespace
}  // namespace gkm::support
