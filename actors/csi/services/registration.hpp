/// pluginregistration.Registration: kubelet finds this driver without a sidecar.
#pragma once

#include <pluginregistration.grpc.pb.h>

#include <string>

namespace gkm::csi {

class registration_service final : public pluginregistration::Registration::CallbackService {
public:
  /// `endpoint` is the path of the CSI socket as kubelet sees it.
  explicit registration_service(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  grpc::ServerUnaryReactor* GetInfo(grpc::CallbackServerContext* context,
                                    const pluginregistration::InfoRequest* request,
                                    pluginregistration::PluginInfo* response) override;
  grpc::ServerUnaryReactor* NotifyRegistrationStatus(
      grpc::CallbackServerContext* context, const pluginregistration::RegistrationStatus* request,
      pluginregistration::RegistrationStatusResponse* response) override;

private:
  std::string endpoint_;
};

}  // namespace gkm::csi
