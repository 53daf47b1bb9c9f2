/// How ports answer. Apart from caf.hpp, so that a port's header need not bring CAF in.
#pragma once

#include "messages/errors.hpp"

#include <functional>

namespace gkm {

/// Called exactly once, from any thread.
template <class T>
using answer = std::function<void(result<T>)>;

/// For ports that answer with nothing but success.
struct done {};

}  // namespace gkm
