/// GPUs of one kind, and kernels for them.
#pragma once

#include "messages/target.hpp"

namespace gkm::sim {

inline target hip(const char* arch) {
  target t;
  t.backend = "hip";
  t.arch = arch;
  return t;
}

inline gpu gpu_of(const char* arch) {
  gpu g;
  g.backend = "hip";
  g.arch = arch;
  return g;
}

}  // namespace gkm::sim
