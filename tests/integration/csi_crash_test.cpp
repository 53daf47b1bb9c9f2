// Two at once, and ends at the wrong moment.
#include "csi_node.hpp"

namespace gkm::support {
namespace {

namespace fs = std::filesystem;

class csi_crash : public csi_node {
protected:
  void SetUp() override {
    csi_node::SetUp();
    if (IsSkipped()) return;
    store_cache();
    start_csi();
  }
};

TEST_F(csi_crash, publishing_twice_in_parallel_makes_one_view) {
  auto v = volume("a");
  std::vector<std::thread> pods;
  node();
  for (int i = 0; i < 8; ++i)
    pods.emplace_back([&] {
      auto status = publish(v);
      EXPECT_TRUE(status.ok()) << status.error_message();
    });
  for (auto& p : pods) p.join();
  EXPECT_EQ(mounts(), 1U);
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

TEST_F(csi_crash, publish_and_unpublish_may_race) {
  auto v = volume("a");
  node();
  for (int round = 0; round < 20; ++round) {
    std::thread one([&] { EXPECT_TRUE(publish(v).ok()); });
    std::thread other([&] { EXPECT_TRUE(unpublish(v).ok()); });
    one.join();
    other.join();
    EXPECT_LE(mounts(), 1U);
    EXPECT_EQ(mounts(), names_in(where().volumes()).size());
  }
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

TEST_F(csi_crash, many_volumes_at_once) {
  constexpr int many = 50;
  std::vector<std::thread> pods;
  node();
  for (int i = 0; i < many; ++i)
    pods.emplace_back([&, i] {
      auto status = publish(volume(std::to_string(i)));
      EXPECT_TRUE(status.ok()) << status.error_message();
    });
  for (auto& p : pods) p.join();
  EXPECT_EQ(mounts(), size_t{many});
  for (int i = 0; i < many; ++i) EXPECT_TRUE(unpublish(volume(std::to_string(i))).ok());
  expect_nothing_left();
}

TEST_F(csi_crash, mounts_outlive_the_driver) {
  auto a = volume("a");
  ASSERT_TRUE(publish(a).ok());
  write_whole(fs::path(a.target) / "new", "of a");
  kill_csi();
  EXPECT_EQ(read_whole(fs::path(a.target) / "new"), "of a");
  start_csi();
  EXPECT_EQ(read_whole(fs::path(a.target) / "new"), "of a");
  EXPECT_TRUE(publish(a).ok());
  EXPECT_EQ(mounts(), 1U);
  EXPECT_TRUE(unpublish(a).ok());
  expect_nothing_left();
}

TEST_F(csi_crash, an_end_at_any_moment_leaves_nothing_that_unpublish_does_not_remove) {
  for (int round = 0; round < 12; ++round) {
    std::vector<std::thread> pods;
    node();
    for (int i = 0; i < 4; ++i) pods.emplace_back([&, i] { publish(volume(std::to_string(i))); });
    // The moments differ from round to round, and from machine to machine: that is the point.
    std::this_thread::sleep_for(std::chrono::microseconds(150 * round));
    csi_->send_signal(SIGKILL);
    for (auto& p : pods) p.join();
    csi_->wait();
    start_csi();
    EXPECT_EQ(mounts(), names_in(where().volumes()).size());
    for (int i = 0; i < 4; ++i) {
      auto status = unpublish(volume(std::to_string(i)));
      EXPECT_TRUE(status.ok()) << status.error_message();
    }
    expect_nothing_left();
  }
}

TEST_F(csi_crash, after_an_end_at_any_moment_the_next_try_is_the_last) {
  constexpr int many = 20;
  auto slowest = std::chrono::milliseconds(0);
  for (int round = 0; round < 8; ++round) {
    std::vector<std::thread> pods;
    node();
    for (int i = 0; i < many; ++i)
      pods.emplace_back([&, i] {
        auto v = volume(std::to_string(i));
        if (i % 2) v.attributes["csi.gkm.io/view"] = "copy";
        publish(v);
      });
    std::this_thread::sleep_for(std::chrono::microseconds(700 * round));
    csi_->send_signal(SIGKILL);
    for (auto& p : pods) p.join();
    csi_->wait();
    auto began = std::chrono::steady_clock::now();
    start_csi();
    for (int i = 0; i < many; ++i) {
      auto v = volume(std::to_string(i));
      if (i % 2) v.attributes["csi.gkm.io/view"] = "copy";
      auto status = publish(v);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(tree_of(v.target), tree_of(stored_content()));
    }
    slowest = std::max(slowest, std::chrono::duration_cast<std::chrono::milliseconds>(
                                    std::chrono::steady_clock::now() - began));
    for (int i = 0; i < many; ++i) EXPECT_TRUE(unpublish(volume(std::to_string(i))).ok());
    expect_nothing_left();
  }
  std::cout << "from the start to " << many << " views: at most " << slowest.count() << " ms\n";
}

TEST_F(csi_crash, ends_in_order_and_leaves_mounts) {
  auto a = volume("a");
  ASSERT_TRUE(publish(a).ok());
  csi_->send_signal(SIGTERM);
  EXPECT_EQ(csi_->wait(), 0) << csi_->err();
  EXPECT_EQ(mounts(), 1U);
  EXPECT_FALSE(fs::exists(endpoint()));
  start_csi();
  EXPECT_TRUE(unpublish(a).ok());
}

TEST_F(csi_crash, a_client_that_left_leaves_no_half_volume) {
  auto v = volume("a");
  for (int i = 0; i < 20; ++i) publish(v, std::chrono::milliseconds(1));
  EXPECT_TRUE(publish(v).ok());
  EXPECT_EQ(mounts(), 1U);
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

}  // namespace
}  // namespace gkm::support
