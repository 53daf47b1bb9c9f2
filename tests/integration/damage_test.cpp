// Damage in the store: found, never mounted newly, and pulled again.
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

class damaged_store : public real_registry_test {
protected:
  void SetUp() override {
    real_registry_test::SetUp();
    if (IsSkipped()) return;
    pack(sample("gfx90a"), "v1");
    bench_.want("c", "oci:" + layout() + ":v1");
    ASSERT_EQ(bench_.gkm({"up", bench_.caches(), "--once"}).code, 0);
    whole_ = tree_of(content());
    ASSERT_FALSE(whole_.empty());
  }
  void TearDown() override { ::umount2(at_.c_str(), MNT_DETACH); }

  fs::path stored() const {
    for (const auto& e : fs::directory_iterator(paths::below(bench_.state()).store()))
      return e.path();
    return {};
  }
  fs::path content() const { return stored() / paths::content; }
  fs::path some_file() const {
    for (const auto& e : fs::recursive_directory_iterator(content()))
      if (e.is_regular_file() && e.file_size() > 100) return e.path();
    return {};
  }
  void change_a_byte() {
    std::fstream file(some_file(), std::ios::in | std::ios::out | std::ios::binary);
    char c = 0;
    file.seekg(50).get(c);
    file.seekp(50).put(static_cast<char>(c ^ 1));
  }

  const fs::path at_ = bench_.root() / "cache";
  std::map<std::string, std::string> whole_;
};

TEST_F(damaged_store, a_lost_file_is_pulled_again_at_the_next_start) {
  fs::remove(some_file());
  EXPECT_EQ(bench_.gkm({"up", bench_.caches(), "--once"}).code, 0);
  EXPECT_EQ(tree_of(content()), whole_);
}

TEST_F(damaged_store, another_byte_is_found_by_verify_store_and_pulled_again) {
  EXPECT_EQ(bench_.gkm({"verify-store"}).code, 0);
  change_a_byte();
  auto said = bench_.gkm({"verify-store"});
  EXPECT_EQ(said.code, 6);
  EXPECT_THAT(said.out, testing::AllOf(HasSubstr("damaged"), HasSubstr("default/c")));
  EXPECT_THAT(bench_.gkm({"verify-store", "-o", "json"}).out, HasSubstr("\"damaged\""));
  EXPECT_EQ(bench_.gkm({"up", bench_.caches(), "--once"}).code, 0);
  EXPECT_EQ(tree_of(content()), whole_);
  EXPECT_EQ(bench_.gkm({"verify-store"}).code, 0);
}

TEST_F(damaged_store, is_not_mounted) {
  if (!have_private_mounts()) GTEST_SKIP() << "this user may not mount";
  fs::remove(some_file());
  auto said = bench_.gkm({"mount", "c", at_, "--wait", "0s"});
  EXPECT_EQ(said.code, 5);
  EXPECT_THAT(said.err, HasSubstr("damaged"));
  EXPECT_FALSE(fs::exists(at_));
}

TEST_F(damaged_store, a_mount_has_it_pulled_again_and_waits_for_that) {
  if (!have_private_mounts()) GTEST_SKIP() << "this user may not mount";
  auto up = bench_.up();
  bench_.wait_ready("c");
  fs::remove(some_file());
  auto said = bench_.gkm({"mount", "c", at_});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(tree_of(content()), whole_);
  EXPECT_EQ(tree_of(at_).size(), whole_.size());
  EXPECT_EQ(bench_.gkm({"unmount", at_}).code, 0);
  up.send_signal(SIGTERM);
  EXPECT_EQ(up.wait(), 0);
}

TEST_F(damaged_store, what_an_earlier_version_stored_is_sealed_when_it_is_read) {
  fs::remove(stored() / paths::seal);
  EXPECT_EQ(bench_.gkm({"up", bench_.caches(), "--once"}).code, 0);
  EXPECT_EQ(tree_of(content()), whole_);
  EXPECT_EQ(bench_.gkm({"verify-store"}).code, 0);
  EXPECT_TRUE(fs::exists(stored() / paths::seal));
  change_a_byte();
  EXPECT_EQ(bench_.gkm({"verify-store"}).code, 6);
}

}  // namespace
}  // namespace gkm::support
