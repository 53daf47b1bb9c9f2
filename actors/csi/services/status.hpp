/// An error as gRPC knows it: the code decides what kubelet does next, the text is what people read
/// in the pod's events.
#pragma once

#include "messages/errors.hpp"

#include <grpcpp/support/status.h>

namespace gkm::csi {

grpc::StatusCode status_code(errc code);

/// The text is printable, and short enough for a trailer and for an event.
grpc::Status to_status(const error& e);

}  // namespace gkm::csi
