/// gRPC on unix sockets, in front of the volumes actor.
#pragma once

#include "actors/csi/services/call_observer.hpp"
#include "messages/actors/interfaces.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace gkm::csi {

/// Of one call, which is held until it is answered. A pod's attributes are part of the message: two
/// paths and some names are all that is needed.
constexpr int max_message_bytes = 32 << 10;
constexpr int max_metadata_bytes = 16 << 10;
constexpr int max_calls_per_connection = 256;

struct server_plan {
  std::filesystem::path endpoint;      ///< the CSI socket
  std::filesystem::path registration;  ///< kubelet's way to it; empty: do not register
  std::string kubelet_root;
  std::string node_id;
  call_observer observe{};  ///< from any thread; may be empty
};

class server {
public:
  /// Serves from its return on. Errors: those of unix_socket::listen.
  static result<std::unique_ptr<server>> start(caf::actor_system& system,
                                               const volumes_actor& volumes,
                                               const server_plan& plan);
  /// Takes no calls any more, and returns when those in flight have ended: by themselves, or
  /// cancelled after `grace`.
  void stop(std::chrono::seconds grace);
  ~server();

private:
  struct impl;
  explicit server(std::unique_ptr<impl> parts);
  std::unique_ptr<impl> impl_;
};

/// Whether the gkm-csi that serves on `endpoint` is ready; errc::unavailable says why it is not.
result<void> probe(const std::filesystem::path& endpoint, std::chrono::seconds limit);

}  // namespace gkm::csi
