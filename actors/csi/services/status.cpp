#include "actors/csi/services/status.hpp"

#include "messages/printable.hpp"

namespace gkm::csi {
namespace {

constexpr size_t max_text_chars = 1'000;

}  // namespace

grpc::StatusCode status_code(errc code) {
  using grpc::StatusCode;
  switch (code) {
    case errc::none:
      return StatusCode::OK;
    case errc::invalid_argument:
      return StatusCode::INVALID_ARGUMENT;
    case errc::not_found:
      return StatusCode::NOT_FOUND;
    case errc::unauthorized:
      return StatusCode::PERMISSION_DENIED;
    case errc::expired:
    case errc::unavailable:
      return StatusCode::UNAVAILABLE;
    case errc::incompatible:
    case errc::malformed:
    case errc::refused:
    case errc::corrupt:
    case errc::conflict:
    case errc::limit_exceeded:
      return StatusCode::FAILED_PRECONDITION;
    case errc::no_space:
      return StatusCode::RESOURCE_EXHAUSTED;
    case errc::busy:
    case errc::cancelled:
      return StatusCode::ABORTED;
    case errc::io:
    case errc::internal:
      return StatusCode::INTERNAL;
  }
  return StatusCode::INTERNAL;
}

grpc::Status to_status(const error& e) {
  return {status_code(e.code), printable(e.message, max_text_chars)};
}

}  // namespace gkm::csi
