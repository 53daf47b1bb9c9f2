/// When to try again: pure functions of the attempt and what the other side said.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace gkm::net {

struct retry_policy {
  uint32_t attempts = 4;  ///< the first one included
  std::chrono::milliseconds first_delay{200};
  std::chrono::milliseconds max_delay{10'000};  ///< also the most that `Retry-After` is obeyed for
};

/// 408, 425, 429 and 5xx but for 501 and 505: the same request may succeed later.
bool is_retryable_status(int status);

/// The pause before attempt `attempt` + 1 (attempts count from 1), or nothing: give up. Doubles
/// each time; `random` (any 64 bits) spreads it over the upper half. `Retry-After` wins if it is
/// longer; if it is longer than `max_delay`, nobody waits here: give up and let the caller come
/// back later.
std::optional<std::chrono::milliseconds> next_delay(const retry_policy& policy, uint32_t attempt,
                                                    std::optional<std::chrono::seconds> retry_after,
                                                    uint64_t random);

}  // namespace gkm::net
