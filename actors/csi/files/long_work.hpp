/// What may end a step that reads or writes a whole cache.
#pragma once

#include "messages/errors.hpp"

#include <cstdint>
#include <functional>
#include <stop_token>

namespace gkm::csi {

struct long_work {
  std::stop_token stop{};
  /// Asked before so many more bytes are written; an error ends the step. May be empty.
  std::function<result<void>(uint64_t bytes)> spend{};

  /// Before each file, and each piece of a large one. errc::cancelled once it is stopped.
  result<void> may_write(uint64_t bytes) const {
    if (stop.stop_requested())
      return fail(errc::cancelled, "The volume was given up before its cache was ready");
    return spend ? spend(bytes) : result<void>();
  }
};

}  // namespace gkm::csi
