/// When an object may be written again: the first change at once, later ones at most once a second.
/// What is urgent may go ahead of that, a few times until the object has been left alone for a
/// second: a cache that is ready moments after it was resolved says so at once, one that flaps does
/// not.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace gkm::base {

class pace {
public:
  using time = std::chrono::steady_clock::time_point;

  /// How long to wait before a write that is wanted now; zero: not at all.
  std::chrono::milliseconds due(time now, bool urgent) const {
    if (!last_ || now - *last_ >= between_writes || (urgent && credit_ > 0)) return {};
    auto left = between_writes - (now - *last_);
    return std::chrono::ceil<std::chrono::milliseconds>(left);
  }

  void wrote(time now) {
    bool rested = !last_ || now - *last_ >= between_writes;
    if (rested)
      credit_ = ahead_max;
    else if (credit_ > 0)
      --credit_;
    last_ = now;
  }

private:
  static constexpr std::chrono::milliseconds between_writes{1'000};
  static constexpr uint32_t ahead_max = 2;

  std::optional<time> last_;
  uint32_t credit_ = 0;
};

}  // namespace gkm::base
