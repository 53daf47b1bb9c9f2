#include "actors/csi/services/server.hpp"
#include "messages/printable.hpp"

#include <csi.grpc.pb.h>
#include <grpcpp/create_channel.h>

namespace gkm::csi {

result<void> probe(const std::filesystem::path& endpoint, std::chrono::seconds limit) {
  auto channel =
      grpc::CreateChannel("unix:" + endpoint.string(), grpc::InsecureChannelCredentials());
  auto stub = ::csi::v1::Identity::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + limit);
  ::csi::v1::ProbeResponse response;
  auto status = stub->Probe(&context, {}, &response);
  if (!status.ok())
    return fail(errc::unavailable, "No answer on '" + endpoint.string() +
                                       "': " + printable(status.error_message(), 400));
  if (response.has_ready() && !response.ready().value())
    return fail(errc::unavailable, "gkm-csi on '" + endpoint.string() +
                                       "' is not ready: it still recovers what was left over");
  return {};
}

}  // namespace gkm::csi
