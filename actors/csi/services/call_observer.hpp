/// Somebody who counts calls.
#pragma once

#include "messages/errors.hpp"

#include <chrono>
#include <functional>
#include <string_view>

namespace gkm::csi {

/// A call of kubelet's ended: "publish" or "unpublish", how, and after how long.
using call_observer =
    std::function<void(std::string_view call, errc outcome, std::chrono::nanoseconds took)>;

}  // namespace gkm::csi
