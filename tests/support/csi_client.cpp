#include "tests/support/csi_client.hpp"

#include <csi.grpc.pb.h>
#include <grpcpp/create_channel.h>

namespace gkm::support {
namespace {

constexpr std::chrono::seconds patience{60};

std::shared_ptr<grpc::Channel> own_channel(const std::filesystem::path& endpoint) {
  grpc::ChannelArguments own;
  own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel("unix:" + endpoint.string(), grpc::InsecureChannelCredentials(),
                                   own);
}

void limit(grpc::ClientContext& context, std::chrono::milliseconds to) {
  context.set_deadline(std::chrono::system_clock::now() + to);
}

csi_answer answer_of(const grpc::Status& status) {
  return {status.error_code(), status.error_message()};
}

}  // namespace

struct csi_client::stub {
  explicit stub(const std::shared_ptr<grpc::Channel>& to)
      : node(::csi::v1::Node::NewStub(to)), identity(::csi::v1::Identity::NewStub(to)) {}

  std::unique_ptr<::csi::v1::Node::Stub> node;
  std::unique_ptr<::csi::v1::Identity::Stub> identity;
};

csi_client::csi_client(const std::filesystem::path& endpoint)
    : stub_(std::make_unique<stub>(own_channel(endpoint))) {}

csi_client::~csi_client() = default;

bool csi_client::is_ready() {
  grpc::ClientContext context;
  limit(context, patience);
  context.set_wait_for_ready(true);
  ::csi::v1::ProbeResponse response;
  return stub_->identity->Probe(&context, {}, &response).ok() && response.ready().value();
}

csi_answer csi_client::publish(const pod_volume& v, std::chrono::milliseconds within) {
  ::csi::v1::NodePublishVolumeRequest r;
  r.set_volume_id(v.id);
  r.set_target_path(v.target);
  r.set_readonly(v.read_only);
  r.mutable_volume_capability()->mutable_mount();
  r.mutable_volume_capability()->mutable_access_mode()->set_mode(
      ::csi::v1::VolumeCapability::AccessMode::SINGLE_NODE_WRITER);
  r.mutable_volume_context()->insert(v.attributes.begin(), v.attributes.end());
  grpc::ClientContext context;
  limit(context, within);
  ::csi::v1::NodePublishVolumeResponse ignored;
  return answer_of(stub_->node->NodePublishVolume(&context, r, &ignored));
}

csi_answer csi_client::unpublish(const pod_volume& v) {
  ::csi::v1::NodeUnpublishVolumeRequest r;
  r.set_volume_id(v.id);
  r.set_target_path(v.target);
  grpc::ClientContext context;
  limit(context, patience);
  ::csi::v1::NodeUnpublishVolumeResponse ignored;
  return answer_of(stub_->node->NodeUnpublishVolume(&context, r, &ignored));
}

}  // namespace gkm::support
