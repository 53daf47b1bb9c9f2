/// csi.v1.Identity: who this is, and whether it can work.
#pragma once

#include "actors/csi/services/call.hpp"

#include <csi.grpc.pb.h>

namespace gkm::csi {

class identity_service final : public ::csi::v1::Identity::CallbackService {
public:
  explicit identity_service(service_context where) : context_(std::move(where)) {}

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
  service_context context_;
};

}  // namespace gkm::csi
