#include "served.hpp"

#include <gmock/gmock.h>

namespace gkm::csi {
namespace {

class identity_calls : public served {};

TEST_F(identity_calls, says_who_this_is) {
  grpc::ClientContext context;
  ::csi::v1::GetPluginInfoResponse who;
  ASSERT_TRUE(identity()->GetPluginInfo(&context, {}, &who).ok());
  EXPECT_EQ(who.name(), "csi.gkm.io");
  EXPECT_FALSE(who.vendor_version().empty());
  grpc::ClientContext another;
  ::csi::v1::GetPluginCapabilitiesResponse able;
  ASSERT_TRUE(identity()->GetPluginCapabilities(&another, {}, &able).ok());
  EXPECT_EQ(able.capabilities_size(), 0);
  grpc::ClientContext third;
  ::csi::v1::NodeGetInfoResponse here;
  ASSERT_TRUE(node()->NodeGetInfo(&third, {}, &here).ok());
  EXPECT_EQ(here.node_id(), "node-1");
}

TEST_F(identity_calls, probe_tells_whether_it_is_ready) {
  EXPECT_TRUE(probe(endpoint(), std::chrono::seconds(30)));
  script_.ready = false;
  auto waiting = probe(endpoint(), std::chrono::seconds(30));
  ASSERT_FALSE(waiting);
  EXPECT_THAT(waiting.error().message, testing::HasSubstr("not ready"));
  script_.ready = fail(errc::io, "Cannot read the mount table");
  auto broken = probe(endpoint(), std::chrono::seconds(30));
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, testing::HasSubstr("Cannot read the mount table"));
  EXPECT_FALSE(probe(dir_ / "nobody.sock", std::chrono::seconds(1)));
}

}  // namespace
}  // namespace gkm::csi
