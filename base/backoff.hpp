/// How long to wait after a failure: exponential, spread by chance, capped.
#pragma once

#include "messages/errors.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace gkm::base {

constexpr std::chrono::milliseconds first_pause{1'000};
constexpr std::chrono::milliseconds longest_pause{300'000};

/// The pause after the `failures`-th failure in a row (counted from 1); nothing if trying again
/// cannot help, by the kind of the error, and nobody asked for another try. `random` (any 64 bits)
/// picks from the upper half of the range, so that a thousand nodes do not come back together. What
/// the other side asked for is a lower bound.
std::optional<std::chrono::milliseconds> pause_after(const error& e, uint32_t failures,
                                                     uint64_t random);

}  // namespace gkm::base
