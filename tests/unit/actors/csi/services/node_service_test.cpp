#include "served.hpp"
#include "tests/support/child_process.hpp"

#include <gmock/gmock.h>

namespace gkm::csi {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;
using mode = ::csi::v1::VolumeCapability::AccessMode;

class node_calls : public served {};

TEST_F(node_calls, publish_hands_on_what_kubelet_says) {
  publish_request seen;
  script_.publish = [&](const publish_request& r) {
    seen = r;
    return volume_record{};
  };
  EXPECT_TRUE(publish(publish_request_for("csi-1")).ok());
  EXPECT_EQ(seen.volume_id, "csi-1");
  EXPECT_EQ(seen.target, dir_ / "pods/1/mount");
  EXPECT_EQ(seen.ref.name, "cache");
  EXPECT_EQ(seen.pod_ns, "default");
  EXPECT_EQ(seen.view, view_kind::overlay);
}

TEST_F(node_calls, a_wait_ends_before_the_client_gives_up) {
  uint32_t wait_s = 0;
  script_.publish = [&](const publish_request& r) {
    wait_s = r.wait_s;
    return volume_record{};
  };
  auto request = publish_request_for("csi-1");
  (*request.mutable_volume_context())["csi.gkm.io/wait"] = "5m";
  EXPECT_TRUE(publish(request, std::chrono::seconds(20)).ok());
  EXPECT_LT(wait_s, 20U);
  EXPECT_GT(wait_s, 0U);
}

TEST_F(node_calls, each_kind_of_error_has_its_code) {
  const std::vector<std::pair<errc, StatusCode>> table{
      {errc::invalid_argument, StatusCode::INVALID_ARGUMENT},
      {errc::not_found, StatusCode::NOT_FOUND},
      {errc::unauthorized, StatusCode::PERMISSION_DENIED},
      {errc::unavailable, StatusCode::UNAVAILABLE},
      {errc::incompatible, StatusCode::FAILED_PRECONDITION},
      {errc::malformed, StatusCode::FAILED_PRECONDITION},
      {errc::refused, StatusCode::FAILED_PRECONDITION},
      {errc::corrupt, StatusCode::FAILED_PRECONDITION},
      {errc::conflict, StatusCode::FAILED_PRECONDITION},
      {errc::limit_exceeded, StatusCode::FAILED_PRECONDITION},
      {errc::no_space, StatusCode::RESOURCE_EXHAUSTED},
      {errc::busy, StatusCode::ABORTED},
      {errc::cancelled, StatusCode::ABORTED},
      {errc::io, StatusCode::INTERNAL},
      {errc::internal, StatusCode::INTERNAL}};
  for (const auto& [code, expected] : table) {
    script_.publish = [code = code](const publish_request&) -> result<volume_record> {
      return fail(code, "Cannot do 'it'\nnor that");
    };
    auto status = publish(publish_request_for("csi-1"));
    EXPECT_EQ(status.error_code(), expected) << to_string(code);
    EXPECT_EQ(status.error_message(), "Cannot do 'it'?nor that");
  }
}

TEST_F(node_calls, a_long_text_still_arrives) {
  script_.publish = [](const publish_request&) -> result<volume_record> {
    return fail(errc::io, std::string(100'000, 'x'));
  };
  auto status = publish(publish_request_for("csi-1"));
  EXPECT_EQ(status.error_code(), StatusCode::INTERNAL);
  EXPECT_THAT(status.error_message(), HasSubstr("xxx"));
}

TEST_F(node_calls, publish_checks_the_capability) {
  auto code_of = [&](const std::function<void(::csi::v1::NodePublishVolumeRequest&)>& change) {
    auto request = publish_request_for("csi-1");
    change(request);
    return publish(request).error_code();
  };
  auto with_mode = [&](mode::Mode m) {
    return code_of(
        [m](auto& r) { r.mutable_volume_capability()->mutable_access_mode()->set_mode(m); });
  };
  EXPECT_EQ(code_of([](auto& r) { r.clear_volume_capability(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code_of([](auto& r) { r.mutable_volume_capability()->clear_mount(); }),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code_of([](auto& r) { r.mutable_volume_capability()->mutable_block(); }),
            StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(code_of([](auto& r) {
              r.mutable_volume_capability()->mutable_mount()->add_mount_flags("exec");
            }),
            StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(with_mode(mode::UNKNOWN), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(with_mode(mode::MULTI_NODE_MULTI_WRITER), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(with_mode(mode::SINGLE_NODE_SINGLE_WRITER), StatusCode::OK);
  EXPECT_EQ(with_mode(mode::SINGLE_NODE_MULTI_WRITER), StatusCode::OK);
}

TEST_F(node_calls, readers_get_a_read_only_view) {
  std::vector<view_kind> views;
  script_.publish = [&](const publish_request& r) {
    views.push_back(r.view);
    return volume_record{};
  };
  auto by_mode = publish_request_for("csi-1");
  by_mode.mutable_volume_capability()->mutable_access_mode()->set_mode(
      mode::SINGLE_NODE_READER_ONLY);
  auto by_flag = publish_request_for("csi-1");
  by_flag.set_readonly(true);
  EXPECT_TRUE(publish(by_mode).ok());
  EXPECT_TRUE(publish(by_flag).ok());
  EXPECT_THAT(views, testing::ElementsAre(view_kind::readonly, view_kind::readonly));
}

TEST_F(node_calls, a_client_that_left_is_not_waited_for) {
  script_.hold = true;
  EXPECT_EQ(publish(publish_request_for("csi-1"), std::chrono::milliseconds(200)).error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(script_.held, 1);
  // Nothing of that call holds up the end, though the actor never answers it.
  server_->stop(std::chrono::seconds(60));
  server_.reset();
}

TEST_F(node_calls, the_end_cancels_what_does_not_end_by_itself) {
  script_.hold = true;
  std::thread client([&] { EXPECT_TRUE(comes_back(publish(publish_request_for("csi-1")))); });
  support::eventually("the call is in flight", [&] { return script_.held == 1; });
  server_->stop(std::chrono::seconds(0));
  client.join();
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(endpoint()));
}

TEST_F(node_calls, the_end_waits_for_calls_but_not_for_idle_clients) {
  auto stub = node();
  grpc::ClientContext context;
  ::csi::v1::NodeGetInfoResponse ignored;
  EXPECT_TRUE(stub->NodeGetInfo(&context, {}, &ignored).ok());
  // Were it to wait for this client to hang up, the test would run into its time limit.
  server_->stop(std::chrono::hours(1));
  server_.reset();
}

TEST_F(node_calls, unpublish_checks_and_hands_on) {
  auto unpublish = [&](const std::string& id, const std::string& target) {
    grpc::ClientContext context;
    ::csi::v1::NodeUnpublishVolumeRequest r;
    r.set_volume_id(id);
    r.set_target_path(target);
    ::csi::v1::NodeUnpublishVolumeResponse ignored;
    return node()->NodeUnpublishVolume(&context, r, &ignored).error_code();
  };
  EXPECT_EQ(unpublish("", dir_ / "mount"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(unpublish("csi-1", ""), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(unpublish("csi-1", "/etc"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(unpublish("csi-1", dir_ / "mount"), StatusCode::OK);
  script_.unpublish = []() -> result<bool> { return fail(errc::busy, "later"); };
  EXPECT_EQ(unpublish("csi-1", dir_ / "mount"), StatusCode::ABORTED);
}

TEST_F(node_calls, stats_count_bytes_and_inodes) {
  script_.stats = volume_stats{100, 60, 40, 10, 6, 4, "the view is gone"};
  auto ask = [&](const std::string& id, const std::string& path,
                 ::csi::v1::NodeGetVolumeStatsResponse& response) {
    grpc::ClientContext context;
    ::csi::v1::NodeGetVolumeStatsRequest r;
    r.set_volume_id(id);
    r.set_volume_path(path);
    return node()->NodeGetVolumeStats(&context, r, &response).error_code();
  };
  ::csi::v1::NodeGetVolumeStatsResponse seen;
  EXPECT_EQ(ask("csi-1", dir_ / "mount", seen), StatusCode::OK);
  ASSERT_EQ(seen.usage_size(), 2);
  EXPECT_EQ(seen.usage(0).unit(), ::csi::v1::VolumeUsage::BYTES);
  EXPECT_EQ(seen.usage(0).total(), 100);
  EXPECT_EQ(seen.usage(0).used(), 60);
  EXPECT_EQ(seen.usage(1).unit(), ::csi::v1::VolumeUsage::INODES);
  EXPECT_EQ(seen.usage(1).available(), 4);
  EXPECT_TRUE(seen.volume_condition().abnormal());
  EXPECT_EQ(seen.volume_condition().message(), "the view is gone");
  constexpr auto huge = std::numeric_limits<uint64_t>::max();
  constexpr auto most = std::numeric_limits<int64_t>::max();
  script_.stats = volume_stats{huge, huge / 2 + 1, huge / 2, huge, huge, huge, ""};
  EXPECT_EQ(ask("csi-1", dir_ / "mount", seen), StatusCode::OK);
  for (const auto& usage : seen.usage()) {
    EXPECT_EQ(usage.total(), most);
    EXPECT_EQ(usage.used(), most);
    EXPECT_EQ(usage.available(), most);
  }
  EXPECT_EQ(ask("", dir_ / "mount", seen), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ask("csi-1", "", seen), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ask("csi-1", "some/path", seen), StatusCode::NOT_FOUND);
}

TEST_F(node_calls, what_is_not_advertised_is_not_implemented) {
  grpc::ClientContext stage_context;
  ::csi::v1::NodeStageVolumeResponse staged;
  EXPECT_EQ(node()->NodeStageVolume(&stage_context, {}, &staged).error_code(),
            StatusCode::UNIMPLEMENTED);
  grpc::ClientContext context;
  ::csi::v1::NodeGetCapabilitiesResponse able;
  EXPECT_TRUE(node()->NodeGetCapabilities(&context, {}, &able).ok());
  using rpc = ::csi::v1::NodeServiceCapability::RPC;
  ASSERT_EQ(able.capabilities_size(), 2);
  EXPECT_EQ(able.capabilities(0).rpc().type(), rpc::GET_VOLUME_STATS);
  EXPECT_EQ(able.capabilities(1).rpc().type(), rpc::VOLUME_CONDITION);
}

TEST_F(node_calls, a_message_that_is_too_large_is_refused) {
  auto request = publish_request_for("csi-1");
  (*request.mutable_volume_context())["x"] = std::string(2 << 20, 'x');
  EXPECT_EQ(publish(request).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(publish(publish_request_for("csi-1")).ok());
}

}  // namespace
}  // namespace gkm::csi
