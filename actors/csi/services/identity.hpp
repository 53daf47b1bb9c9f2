/// csi.v1.Identity: who this is, and whether it can work.
#pragma once

#include "messages/actors.hpp"

#include <csi.grpc.pb.h>

namespace gkm::csi {

class identity_service final : public ::csi::v1::Identity::CallbackService {
public:
  identity_service(caf::actor_system& system, volumes_actor volumes)
      : system_(system), volumes_(std::move(volumes)) {}

  grpc::ServerUnaryReactor* GetPluginInfo(grpc::CallbackServerContext* context,
                                          const ::csi::v1::GetPluginInfoRequest* request,
                                          ::csi::v1::GetPluginInfoResponse* response) override;
  /// None: there is no controller, and every node has caches of its own.
  grpc::ServerUnaryReactor* GetPluginCapabilities(
      grpc::CallbackServerContext* context, const ::csi::v1::GetPluginCapabilitiesRequest* request,
      ::csi::v1::GetPluginCapabilitiesResponse* response) override;
  /// Ready once what an earlier life left over is recovered.
  grpc::ServerUnaryReactor* Probe(grpc::CallbackServerContext* context,
                                  const ::csi::v1::ProbeRequest* request,
                                  ::csi::v1::ProbeResponse* response) override;

private:
  caf::actor_system& system_;
  volumes_actor volumes_;
};

}  // namespace gkm::csi
