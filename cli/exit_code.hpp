/// What `gkm` ends with. Documented in `gkm --help`; scripts may rely on it.
#pragma once

#include "messages/errors.hpp"

namespace gkm::cli {

enum exit_code : int {
  success = 0,
  failure = 1,      ///< anything without a number of its own
  usage = 2,        ///< a flag, a reference or a file is malformed
  absent = 3,       ///< no such image, file or state
  denied = 4,       ///< no credentials, or wrong ones
  unreachable = 5,  ///< a registry is down or slow, or a cache is not ready in time
  bad_image = 6,    ///< damaged, malformed, hostile or too large
  misfit = 7,       ///< built for other GPUs
  disk_full = 8,
  in_use = 9,  ///< another process has the state directory
  interrupted = 130,
};

exit_code exit_code_for(errc code);

}  // namespace gkm::cli
