#include "tests/support/csi/csi_client.hpp"

#include "tests/support/csi/csi_requests.hpp"

namespace gkm::support {
namespace {

constexpr std::chrono::seconds patience{60};

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
  grpc::ClientContext context;
  limit(context, within);
  ::csi::v1::NodePublishVolumeResponse ignored;
  return answer_of(stub_->node->NodePublishVolume(&context, publish_request(v), &ignored));
}

csi_answer csi_client::unpublish(const pod_volume& v) {
  grpc::ClientContext context;
  limit(context, patience);
  ::csi::v1::NodeUnpublishVolumeResponse ignored;
  return answer_of(stub_->node->NodeUnpublishVolume(&context, unpublish_request(v), &ignored));
}

}  // namespace gkm::support
