#include "cli/exit_code.hpp"

namespace gkm::cli {

exit_code exit_code_for(errc code) {
  switch (code) {
    case errc::none:
      return success;
    case errc::invalid_argument:
      return usage;
    case errc::not_found:
      return absent;
    case errc::unauthorized:
      return denied;
    case errc::unavailable:
    case errc::expired:
      return unreachable;
    case errc::corrupt:
    case errc::malformed:
    case errc::refused:
    case errc::limit_exceeded:
      return bad_image;
    case errc::incompatible:
      return misfit;
    case errc::no_space:
      return disk_full;
    case errc::busy:
    case errc::conflict:
      return in_use;
    case errc::cancelled:
      return interrupted;
    case errc::io:
    case errc::internal:
      return failure;
  }
  return failure;
}

}  // namespace gkm::cli
