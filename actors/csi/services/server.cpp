#include "actors/csi/services/server.hpp"

#include "actors/csi/services/call.hpp"
#include "actors/csi/services/identity.hpp"
#include "actors/csi/services/node.hpp"
#include "actors/csi/services/registration.hpp"
#include "actors/csi/services/socket_listener.hpp"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

namespace gkm::csi {
struct server::impl {
  impl(const service_context& where, const server_plan& plan)
      : calls(where.calls),
        identity(where),
        node(where, plan.node_id, plan.kubelet_root),
        registration(plan.endpoint.string()) {}

  std::shared_ptr<calls_in_flight> calls;
  identity_service identity;
  node_service node;
  registration_service registration;
  std::unique_ptr<grpc::Server> grpc;
  std::unique_ptr<socket_listener> listener;
};

result<std::unique_ptr<server>> server::start(caf::actor_system& system,
                                              const volumes_actor& volumes,
                                              const server_plan& plan) {
  auto parts = std::make_unique<impl>(
      service_context{system, volumes, std::make_shared<calls_in_flight>(), plan.observe}, plan);
  grpc::ServerBuilder builder;
  builder.RegisterService(&parts->identity);
  builder.RegisterService(&parts->node);
  builder.RegisterService(&parts->registration);
  builder.SetMaxReceiveMessageSize(max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, max_calls_per_connection);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, max_metadata_bytes);
  parts->grpc = builder.BuildAndStart();
  if (!parts->grpc) return fail(errc::internal, "Cannot start the gRPC server");
  std::vector<std::filesystem::path> sockets{plan.endpoint};
  // The CSI socket first: kubelet asks there as soon as it knows of it.
  if (!plan.registration.empty()) sockets.push_back(plan.registration);
  // gRPC would remove and bind socket files itself, whoever's they are, and could not make them
  // again; so it gets connections, not paths.
  auto listener =
      socket_listener::open(std::move(sockets), [grpc = parts->grpc.get()](base::fd connection) {
        grpc::AddInsecureChannelFromFd(grpc, connection.release());
      });
  if (!listener) return fail(listener.error());
  parts->listener = std::move(*listener);
  return std::unique_ptr<server>(new server(std::move(parts)));
}

server::server(std::unique_ptr<impl> parts) : impl_(std::move(parts)) {}

void server::stop(std::chrono::seconds grace) {
  impl_->listener.reset();
  impl_->calls->close(grace);
  // Not with a deadline of its own: gRPC would also wait for idle clients to hang up.
  impl_->grpc->Shutdown(std::chrono::system_clock::now());
}

server::~server() = default;

}  // namespace gkm::csi
