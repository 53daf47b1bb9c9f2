/// What kubelet asks of a CSI driver, as messages of the protocol. Includes gRPC.
#pragma once

#include "tests/support/csi/csi_client.hpp"

#include <csi.grpc.pb.h>
#include <grpcpp/create_channel.h>

namespace gkm::support {

/// Shared with nobody: another driver may have served on that socket before.
inline std::shared_ptr<grpc::Channel> own_channel(const std::filesystem::path& endpoint) {
  grpc::ChannelArguments own;
  own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel("unix:" + endpoint.string(), grpc::InsecureChannelCredentials(),
                                   own);
}

inline ::csi::v1::NodePublishVolumeRequest publish_request(const pod_volume& v) {
  ::csi::v1::NodePublishVolumeRequest r;
  r.set_volume_id(v.id);
  r.set_target_path(v.target);
  r.set_readonly(v.read_only);
  r.mutable_volume_capability()->mutable_mount();
  r.mutable_volume_capability()->mutable_access_mode()->set_mode(
      ::csi::v1::VolumeCapability::AccessMode::SINGLE_NODE_WRITER);
  r.mutable_volume_context()->insert(v.attributes.begin(), v.attributes.end());
  return r;
}

inline ::csi::v1::NodeUnpublishVolumeRequest unpublish_request(const pod_volume& v) {
  ::csi::v1::NodeUnpublishVolumeRequest r;
  r.set_volume_id(v.id);
  r.set_target_path(v.target);
  return r;
}

/// What kubelet says of the pod that a volume is for, and of the volume: it lives no longer.
inline std::map<std::string, std::string> pod_attributes(const std::string& ns,
                                                         const std::string& name) {
  return {{"csi.storage.k8s.io/ephemeral", "true"},
          {"csi.storage.k8s.io/pod.name", name},
          {"csi.storage.k8s.io/pod.namespace", ns},
          {"csi.storage.k8s.io/pod.uid", "0d9c7f6e-1c1b-4d5b-9f43-1f2f3a4b5c6d"}};
}

}  // namespace gkm::support
