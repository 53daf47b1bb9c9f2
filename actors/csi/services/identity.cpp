#include "actors/csi/services/identity.hpp"

#include "actors/csi/services/call.hpp"
#include "actors/csi/services/settings.hpp"
#include "base/program/version.hpp"
#include "messages/names.hpp"

namespace gkm::csi {
namespace {

constexpr std::chrono::seconds probe_limit{10};

}  // namespace

grpc::ServerUnaryReactor* identity_service::GetPluginInfo(
    grpc::CallbackServerContext* context, const ::csi::v1::GetPluginInfoRequest*,
    ::csi::v1::GetPluginInfoResponse* response) {
  response->set_name(names::csi_driver);
  response->set_vendor_version(base::version());
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* identity_service::GetPluginCapabilities(
    grpc::CallbackServerContext* context, const ::csi::v1::GetPluginCapabilitiesRequest*,
    ::csi::v1::GetPluginCapabilitiesResponse*) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* identity_service::Probe(grpc::CallbackServerContext* context,
                                                  const ::csi::v1::ProbeRequest*,
                                                  ::csi::v1::ProbeResponse* response) {
  auto one = call::begin(context_.calls);
  if (!one->is_open()) return one.get();
  ask_volumes<bool>(
      context_, patience(*context, probe_limit),
      [=](bool ready) { one->succeed([&] { response->mutable_ready()->set_value(ready); }); },
      [=](const error& e) { one->fail(e); }, ready_atom_v);
  return one.get();
}

}  // namespace gkm::csi
