// A pod's volume, from publish to unpublish, with the real driver.
#include "csi_node.hpp"

#include <fcntl.h>

namespace gkm::support {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class csi_publish : public csi_node {};

TEST_F(csi_publish, shows_the_cache_until_it_is_unpublished) {
  store_cache();
  start_csi();
  auto v = volume("a");
  for (int i = 0; i < 2; ++i) {
    auto status = publish(v);
    ASSERT_TRUE(status.ok()) << status.error_message() << csi_->err();
    EXPECT_EQ(tree_of(v.target), tree_of(stored_content()));
    EXPECT_EQ(mounts(), 1U);
  }
  EXPECT_FALSE(tree_of(v.target).empty());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(unpublish(v).ok());
    EXPECT_FALSE(fs::exists(v.target));
  }
  expect_nothing_left();
}

TEST_F(csi_publish, what_one_pod_writes_is_seen_neither_by_another_nor_in_the_store) {
  store_cache();
  start_csi();
  auto a = volume("a");
  auto b = volume("b");
  ASSERT_TRUE(publish(a).ok());
  ASSERT_TRUE(publish(b).ok());
  auto before = tree_of(stored_content());
  auto some_file = std::find_if(before.begin(), before.end(),
                                [](const auto& f) { return f.second.starts_with("- "); });
  ASSERT_NE(some_file, before.end());
  write_whole(fs::path(a.target) / "new", "of a");
  write_whole(fs::path(a.target) / some_file->first, "changed");
  fs::remove_all(fs::path(b.target) / some_file->first);
  EXPECT_EQ(tree_of(stored_content()), before);
  EXPECT_FALSE(fs::exists(fs::path(b.target) / "new"));
  EXPECT_EQ(read_whole(fs::path(a.target) / some_file->first), "changed");
  EXPECT_TRUE(unpublish(a).ok());
  EXPECT_TRUE(unpublish(b).ok());
  EXPECT_EQ(tree_of(stored_content()), before);
  expect_nothing_left();
}

TEST_F(csi_publish, what_is_damaged_in_the_store_is_not_shown) {
  store_cache();
  start_csi();
  auto before = tree_of(stored_content());
  auto some_file = std::find_if(before.begin(), before.end(),
                                [](const auto& f) { return f.second.starts_with("- "); });
  ASSERT_NE(some_file, before.end());
  fs::remove(stored_content() / some_file->first);
  auto v = volume("a");
  v.attributes["csi.gkm.io/wait"] = "0s";
  auto status = publish(v);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("damaged"));
  EXPECT_EQ(mounts(), 0U);
  v.attributes["csi.gkm.io/fallback"] = "empty";
  EXPECT_TRUE(publish(v).ok()) << "the pod would rather start cold";
  EXPECT_TRUE(tree_of(v.target).empty());
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

TEST_F(csi_publish, a_reader_cannot_write) {
  store_cache();
  start_csi();
  auto v = volume("a");
  v.read_only = true;
  ASSERT_TRUE(publish(v).ok());
  EXPECT_EQ(tree_of(v.target), tree_of(stored_content()));
  EXPECT_LT(::open((v.target + "/new").c_str(), O_CREAT | O_WRONLY, 0600), 0);
  EXPECT_EQ(errno, EROFS);
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

TEST_F(csi_publish, another_namespace_is_denied) {
  store_cache();
  start_csi();
  auto v = volume("a", "elsewhere");
  auto status = publish(v);
  EXPECT_EQ(status.error_code(), code::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("elsewhere"));
  EXPECT_FALSE(fs::exists(v.target));
  expect_nothing_left();
}

TEST_F(csi_publish, waits_for_a_cache_that_is_on_its_way) {
  start_csi();
  auto v = volume("a");
  std::thread pod([&] {
    auto status = publish(v);
    EXPECT_TRUE(status.ok()) << status.error_message();
  });
  store_cache();
  pod.join();
  EXPECT_EQ(tree_of(v.target), tree_of(stored_content()));
  EXPECT_TRUE(unpublish(v).ok());
}

TEST_F(csi_publish, says_what_it_waited_for_when_its_patience_ends) {
  start_csi();
  auto v = volume("a");
  v.attributes["csi.gkm.io/wait"] = "0s";
  auto status = publish(v);
  EXPECT_EQ(status.error_code(), code::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("default/c"));
  EXPECT_FALSE(fs::exists(v.target));
  expect_nothing_left();
}

TEST_F(csi_publish, answers_a_waiting_client_before_the_client_gives_up) {
  start_csi();
  auto v = volume("a");
  v.attributes["csi.gkm.io/wait"] = "10m";
  EXPECT_EQ(publish(v, std::chrono::seconds(4)).error_code(), code::NOT_FOUND);
  expect_nothing_left();
}

TEST_F(csi_publish, starts_a_pod_cold_where_that_is_wanted) {
  start_csi();
  auto v = volume("a");
  v.attributes["csi.gkm.io/wait"] = "0s";
  v.attributes["csi.gkm.io/fallback"] = "empty";
  ASSERT_TRUE(publish(v).ok());
  EXPECT_TRUE(tree_of(v.target).empty());
  write_whole(fs::path(v.target) / "new", "of a");
  auto records = names_in(where().volumes());
  ASSERT_EQ(records.size(), 1U);
  auto record = parse_volume_record(read_whole(where().volumes() / records.front()));
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->view, view_kind::empty);
  EXPECT_FALSE(record->notes.empty());
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

TEST_F(csi_publish, counts_what_the_pod_and_the_cache_take) {
  store_cache();
  start_csi();
  auto v = volume("a");
  ASSERT_TRUE(publish(v).ok());
  ::csi::v1::NodeGetVolumeStatsResponse before;
  ASSERT_TRUE(stats(v, before).ok());
  constexpr size_t written = 1 << 20;
  write_whole(fs::path(v.target) / "new", std::string(written, 'x'));
  ::csi::v1::NodeGetVolumeStatsResponse after;
  ASSERT_TRUE(stats(v, after).ok());
  ASSERT_EQ(after.usage_size(), 2);
  EXPECT_GE(after.usage(0).used(), before.usage(0).used() + static_cast<int64_t>(written));
  EXPECT_GT(after.usage(1).used(), before.usage(1).used());
  EXPECT_FALSE(after.volume_condition().abnormal());
  ASSERT_EQ(::umount2(v.target.c_str(), MNT_DETACH), 0);
  ::csi::v1::NodeGetVolumeStatsResponse broken;
  ASSERT_TRUE(stats(v, broken).ok());
  EXPECT_TRUE(broken.volume_condition().abnormal());
  EXPECT_FALSE(broken.volume_condition().message().empty());
  EXPECT_EQ(stats(volume("unknown"), broken).error_code(), code::NOT_FOUND);
  EXPECT_TRUE(unpublish(v).ok());
  expect_nothing_left();
}

}  // namespace
}  // namespace gkm::support
