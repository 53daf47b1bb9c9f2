/// Transfers into a small file system of their own, with its reserve and its budgets: what an image
/// says of itself is not believed.
#include "actors/node/disk/state_dir.hpp"
#include "actors/node/images/oci_images.hpp"
#include "base/program/log.hpp"
#include "oci/extract/extract.hpp"
#include "oci/registry/registry.hpp"
#include "tests/support/private_mounts.hpp"
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace gkm::node {
namespace {

using support::cache_image;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr uint64_t mebi = 1 << 20;
constexpr uint64_t disk_bytes = 32 * mebi;
constexpr uint64_t disk_inodes = 2'000;

class small_disk : public testing::Test {
protected:
  void SetUp() override {
    base::log::configure(base::log::level::off, false);
    disk_ = dir_ / "disk";
    std::filesystem::create_directory(disk_);
    auto options =
        "size=" + std::to_string(disk_bytes) + ",nr_inodes=" + std::to_string(disk_inodes);
    if (!support::have_private_mounts() ||
        ::mount("none", disk_.c_str(), "tmpfs", 0, options.c_str()) != 0)
      GTEST_SKIP() << "may not mount";
    mounted_ = true;
    open({{100, true}, {100, true}, {25, true}});
  }
  void TearDown() override {
    images_.reset();
    state_.reset();
    if (mounted_) ::umount2(disk_.c_str(), MNT_DETACH);
  }

  void open(const disk_shares& shares) {
    images_.reset();
    state_.reset();
    auto opened = state_dir::open(paths::below(disk_ / "state"), shares);
    ASSERT_TRUE(opened) << opened.error().message;
    state_ = std::move(*opened);
    images_ = std::make_unique<oci_images>(*source_, limits_, state_->ledger());
  }

  template <class T, class F>
  static result<T> ask(F&& question) {
    std::promise<result<T>> answered;
    question([&](result<T> outcome) { answered.set_value(std::move(outcome)); });
    return answered.get_future().get();
  }

  static cache_image files(size_t count, size_t bytes_each) {
    tests::tar_builder tar;
    for (size_t i = 0; i < count; ++i)
      tar.file("io.triton.cache/" + std::to_string(i), std::string(bytes_each, 'x'));
    return cache_image().layer(tar.finished());
  }

  /// What a tenant's cache comes to that says it has so many bytes. What failed is still there.
  result<stored_cache> pull(const std::string& tenant, const cache_image& image, uint64_t said) {
    auto layout = dir_ / ("layout-" + image.digest().substr(7, 12));
    support::write_layout(layout, "v1", image);
    image_plan plan;
    plan.image = *image_ref::parse("oci:" + layout.string() + ":v1");
    plan.manifest = *digest::parse(image.digest());
    plan.unpacked_bytes = said;
    state_->ledger()->with([&](disk_budget& b) { b.claimed_by(plan.manifest, {tenant}); });
    auto dir = ask<std::string>([&](auto reply) { state_->stage(said, reply); });
    if (!dir) return fail(dir.error());
    staging_ = *dir;
    auto fetched = ask<stored_cache>([&](auto reply) {
      images_->fetch(
          plan, staging_, [](uint64_t, uint64_t) {}, {}, reply);
    });
    if (!fetched) return fetched;
    auto done = ask<gkm::done>([&](auto reply) { state_->commit(staging_, *fetched, reply); });
    if (!done) return fail(done.error());
    return fetched;
  }
  void discard() {
    EXPECT_TRUE(ask<done>([&](auto reply) { state_->discard(staging_, reply); }));
  }

  room used() {
    return state_->ledger()->with([](disk_budget& b) { return b.used(); });
  }
  disk_size disk() { return *measure_disk(disk_); }

  support::temp_dir dir_;
  std::filesystem::path disk_;
  std::string staging_;
  bool mounted_ = false;
  std::unique_ptr<oci::source> source_ = oci::make_layout_source();
  oci::extract_limits limits_;
  std::unique_ptr<state_dir> state_;
  std::unique_ptr<oci_images> images_;
};

}  // namespace

TEST_F(small_disk, a_lie_about_bytes_stops_at_the_reserve_and_is_not_tried_again) {
  auto outcome = pull("ns", files(1, 64 * mebi), 1);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::limit_exceeded) << outcome.error().message;
  EXPECT_EQ(outcome.error().retry_after.count(), 0);
  EXPECT_THAT(outcome.error().message,
              AllOf(HasSubstr("gkm.agent.store.reserve"), HasSubstr("cache-size-bytes")));
  EXPECT_GE(disk().free.bytes, disk_bytes / 4) << "the reserve is untouched";
  EXPECT_LT(disk().free.bytes, disk_bytes / 2) << "it had room before";
  discard();
  EXPECT_EQ(used(), room{});
  EXPECT_GT(disk().free.bytes, disk_bytes * 9 / 10);
}

TEST_F(small_disk, a_lie_about_files_stops_at_the_reserve_of_inodes) {
  auto outcome = pull("ns", files(disk_inodes + 100, 0), 1);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::limit_exceeded) << outcome.error().message;
  EXPECT_THAT(outcome.error().message, HasSubstr("inodes"));
  EXPECT_GE(disk().free.inodes, disk_inodes / 4);
  EXPECT_LT(disk().free.inodes, disk_inodes / 2);
}

TEST_F(small_disk, what_others_take_is_a_state_and_no_lie) {
  ::mount("none", disk_.c_str(), "tmpfs", MS_REMOUNT, "size=10m");
  auto outcome = pull("ns", files(1, 8 * mebi), 8 * mebi);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::no_space) << outcome.error().message;
  EXPECT_THAT(outcome.error().message, HasSubstr("gkm.agent.store.reserve"));
}

TEST_F(small_disk, who_is_over_a_budget_reads_so_and_others_go_on) {
  open({{100, true}, {8 * mebi, false}, {0, true}});
  auto declared = pull("greedy", files(1, 9 * mebi), 9 * mebi);
  ASSERT_FALSE(declared);
  EXPECT_EQ(declared.error().code, errc::limit_exceeded);
  EXPECT_GT(declared.error().retry_after.count(), 0);
  EXPECT_THAT(declared.error().message,
              AllOf(HasSubstr("namespace 'greedy'"),
                    HasSubstr("gkm.agent.store.namespace.size: 8Mi"), HasSubstr("8192 KiB")));
  discard();
  auto counted = pull("greedy", files(1, 16 * mebi), 1);
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code, errc::limit_exceeded) << counted.error().message;
  EXPECT_THAT(counted.error().message, HasSubstr("namespace 'greedy'"));
  EXPECT_GE(disk().free.bytes, disk_bytes - 9 * mebi) << "no more than the budget was written";
  ASSERT_TRUE(pull("modest", files(2, 3 * mebi), 0));
  auto all = used();
  ASSERT_TRUE(pull("", files(3, 2 * mebi), 6 * mebi)) << "cluster-scoped caches have their own";
  EXPECT_GT(used().bytes, all.bytes + 6 * mebi);
}

TEST_F(small_disk, what_is_stored_counts_after_a_restart_too) {
  ASSERT_TRUE(pull("ns", files(50, 10'000), 0));
  auto before = used();
  EXPECT_GE(before.bytes, 50u * 12'288);
  EXPECT_GE(before.inodes, 50u);
  open({{100, true}, {100, true}, {25, true}});
  EXPECT_EQ(used(), room{});
  ASSERT_TRUE(ask<recovered>([&](auto reply) { state_->recover(reply); }));
  EXPECT_EQ(used(), before);
  for (const auto& stored : std::filesystem::directory_iterator(disk_ / "state/store/sha256"))
    std::filesystem::remove(stored.path() / paths::occupied);
  open({{100, true}, {100, true}, {25, true}});
  ASSERT_TRUE(ask<recovered>([&](auto reply) { state_->recover(reply); }));
  EXPECT_GE(used().bytes, 50u * 10'000) << "of an earlier version's store the tree is measured";
  EXPECT_GE(used().inodes, 50u);
}

}  // namespace gkm::node
