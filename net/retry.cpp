#include "net/retry.hpp"

#include <algorithm>

namespace gkm::net {
namespace {

using std::chrono::milliseconds;

// Doubles without overflow: once `max` is reached there is nothing left to double.
milliseconds doubled(milliseconds first, uint32_t times, milliseconds max) {
  auto delay = std::clamp(first, milliseconds{0}, max);
  for (; times > 0 && delay < max && delay.count() > 0; --times)
    delay = delay > max / 2 ? max : delay * 2;
  return delay;
}

}  // namespace

bool is_retryable_status(int status) {
  if (status == 408 || status == 425 || status == 429) return true;
  return status >= 500 && status <= 599 && status != 501 && status != 505;
}

std::optional<milliseconds> next_delay(const retry_policy& policy, uint32_t attempt,
                                       std::optional<std::chrono::seconds> retry_after,
                                       uint64_t random) {
  if (attempt >= policy.attempts) return std::nullopt;
  auto max = std::max(policy.max_delay, milliseconds{0});
  // Compared in seconds, rounded down: a hostile value must not overflow on its way to
  // milliseconds.
  if (retry_after && *retry_after > std::chrono::floor<std::chrono::seconds>(max))
    return std::nullopt;
  auto full = doubled(policy.first_delay, attempt > 0 ? attempt - 1 : 0, max).count();
  auto spread = static_cast<uint64_t>(full - full / 2) + 1;
  milliseconds delay{full / 2 + static_cast<int64_t>(random % spread)};
  if (retry_after) delay = std::max<milliseconds>(delay, *retry_after);
  return delay;
}

}  // namespace gkm::net
