#include "base/backoff.hpp"

#include <algorithm>

namespace gkm::base {

std::optional<std::chrono::milliseconds> pause_after(const error& e, uint32_t failures,
                                                     uint64_t random) {
  using std::chrono::milliseconds;
  if (is_permanent(e.code) && e.retry_after.count() <= 0) return std::nullopt;
  constexpr uint32_t doublings_max = 16;
  auto doublings = std::min(failures > 0 ? failures - 1 : 0, doublings_max);
  auto whole = std::min(first_pause * (int64_t{1} << doublings), longest_pause);
  auto half = static_cast<uint64_t>(whole.count()) / 2;
  auto spread = milliseconds(half + random % (half + 1));
  auto asked = std::chrono::duration_cast<milliseconds>(
      std::min<std::chrono::seconds>(e.retry_after, std::chrono::hours(1)));
  return std::max(spread, asked);
}

}  // namespace gkm::base
