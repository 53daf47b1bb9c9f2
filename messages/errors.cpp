#include "messages/errors.hpp"

namespace gkm {

std::string_view to_string(errc code) {
  switch (code) {
    case errc::none:
      return "none";
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::not_found:
      return "not_found";
    case errc::unauthorized:
      return "unauthorized";
    case errc::unavailable:
      return "unavailable";
    case errc::corrupt:
      return "corrupt";
    case errc::malformed:
      return "malformed";
    case errc::refused:
      return "refused";
    case errc::limit_exceeded:
      return "limit_exceeded";
    case errc::incompatible:
      return "incompatible";
    case errc::no_space:
      return "no_space";
    case errc::busy:
      return "busy";
    case errc::conflict:
      return "conflict";
    case errc::expired:
      return "expired";
    case errc::io:
      return "io";
    case errc::cancelled:
      return "cancelled";
    case errc::internal:
      return "internal";
  }
  return "unknown";
}

bool is_permanent(errc code) {
  switch (code) {
    case errc::invalid_argument:
    case errc::malformed:
    case errc::refused:
    case errc::limit_exceeded:
    case errc::incompatible:
      return true;
    case errc::none:
    case errc::not_found:
    case errc::unauthorized:
    case errc::unavailable:
    case errc::corrupt:
    case errc::no_space:
    case errc::busy:
    case errc::conflict:
    case errc::expired:
    case errc::io:
    case errc::cancelled:
    case errc::internal:
      return false;
  }
  return false;
}

}  // namespace gkm
