/// csi.v1.Node: what kubelet asks about volumes, checked and handed to the volumes actor. What is
/// not overridden here is answered UNIMPLEMENTED.
#pragma once

#include "actors/csi/services/call.hpp"

#include <csi.grpc.pb.h>

namespace gkm::csi {

class node_service final : public ::csi::v1::Node::CallbackService {
public:
  node_service(service_context where, std::string node_id, std::string kubelet_root)
      : context_(std::move(where)),
        node_id_(std::move(node_id)),
        kubelet_root_(std::move(kubelet_root)) {}

  grpc::ServerUnaryReactor* NodePublishVolume(
      grpc::CallbackServerContext* context, const ::csi::v1::NodePublishVolumeRequest* request,
      ::csi::v1::NodePublishVolumeResponse* response) override;
  grpc::ServerUnaryReactor* NodeUnpublishVolume(
      grpc::CallbackServerContext* context, const ::csi::v1::NodeUnpublishVolumeRequest* request,
      ::csi::v1::NodeUnpublishVolumeResponse* response) override;
  grpc::ServerUnaryReactor* NodeGetVolumeStats(
      grpc::CallbackServerContext* context, const ::csi::v1::NodeGetVolumeStatsRequest* request,
      ::csi::v1::NodeGetVolumeStatsResponse* response) override;
  grpc::ServerUnaryReactor* NodeGetCapabilities(
      grpc::CallbackServerContext* context, const ::csi::v1::NodeGetCapabilitiesRequest* request,
      ::csi::v1::NodeGetCapabilitiesResponse* response) override;
  grpc::ServerUnaryReactor* NodeGetInfo(grpc::CallbackServerContext* context,
                                        const ::csi::v1::NodeGetInfoRequest* request,
                                        ::csi::v1::NodeGetInfoResponse* response) override;

private:
  service_context context_;
  std::string node_id_;
  std::string kubelet_root_;
};

}  // namespace gkm::csi
