#include "served.hpp"
#include "tests/support/child_process.hpp"

namespace gkm::csi {
namespace {

class registration : public served {
protected:
  /// What kubelet learns from the socket; empty if nobody answers.
  std::string endpoint_heard() const {
    auto stub = pluginregistration::Registration::NewStub(channel(plan().registration));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    pluginregistration::PluginInfo info;
    if (!stub->GetInfo(&context, {}, &info).ok()) return "";
    EXPECT_EQ(info.type(), "CSIPlugin");
    EXPECT_EQ(info.name(), "csi.gkm.io");
    EXPECT_EQ(info.supported_versions_size(), 1);
    EXPECT_EQ(info.supported_versions(0), "1.0.0");
    return info.endpoint();
  }
};

TEST_F(registration, says_where_the_driver_is) {
  EXPECT_EQ(endpoint_heard(), endpoint().string());
  auto stub = pluginregistration::Registration::NewStub(channel(plan().registration));
  for (bool taken : {true, false}) {
    grpc::ClientContext context;
    pluginregistration::RegistrationStatus status;
    status.set_plugin_registered(taken);
    pluginregistration::RegistrationStatusResponse ignored;
    EXPECT_TRUE(stub->NotifyRegistrationStatus(&context, status, &ignored).ok());
  }
}

TEST_F(registration, is_made_again_when_kubelet_wipes_its_directory) {
  for (const auto& socket : {plan().registration, endpoint()}) {
    std::filesystem::remove(socket);
    support::eventually("the socket is back", [&] { return std::filesystem::exists(socket); });
  }
  EXPECT_EQ(endpoint_heard(), endpoint().string());
  EXPECT_TRUE(publish(publish_request_for("csi-1")).ok());
}

TEST_F(registration, survives_that_the_directory_is_replaced) {
  std::filesystem::remove_all(dir_ / "reg");
  std::filesystem::create_directory(dir_ / "reg");
  support::eventually("the socket is back",
                      [&] { return std::filesystem::exists(plan().registration); });
  EXPECT_EQ(endpoint_heard(), endpoint().string());
}

TEST_F(registration, calls_in_flight_outlive_their_socket_file) {
  script_.hold = true;
  std::thread client([&] { EXPECT_TRUE(comes_back(publish(publish_request_for("csi-1")))); });
  support::eventually("the call is in flight", [&] { return script_.held == 1; });
  std::filesystem::remove(endpoint());
  support::eventually("the socket is back", [&] { return std::filesystem::exists(endpoint()); });
  script_.hold = false;
  EXPECT_TRUE(publish(publish_request_for("csi-2")).ok());
  server_->stop(std::chrono::seconds(0));
  client.join();
  server_.reset();
}

}  // namespace
}  // namespace gkm::csi
