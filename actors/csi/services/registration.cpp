#include "actors/csi/services/registration.hpp"

#include "actors/csi/services/settings.hpp"
#include "base/program/log.hpp"
#include "messages/names.hpp"
#include "messages/printable.hpp"

namespace gkm::csi {

grpc::ServerUnaryReactor* registration_service::GetInfo(grpc::CallbackServerContext* context,
                                                        const pluginregistration::InfoRequest*,
                                                        pluginregistration::PluginInfo* response) {
  response->set_type("CSIPlugin");
  response->set_name(names::csi_driver);
  response->set_endpoint(endpoint_);
  response->add_supported_versions("1.0.0");
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* registration_service::NotifyRegistrationStatus(
    grpc::CallbackServerContext* context, const pluginregistration::RegistrationStatus* request,
    pluginregistration::RegistrationStatusResponse*) {
  if (request->plugin_registered())
    base::log::info("Registered with kubelet", {{"driver", names::csi_driver}});
  else
    base::log::error(
        "Kubelet does not take this driver",
        {{"driver", names::csi_driver}, {"error", printable(request->error(), 1'000)}});
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace gkm::csi
