/// When an object may be written again: the first change at once, later ones at most once a second.
/// What is urgent may go ahead of that, a few times until the object has been left alone for a
/// second: a cache that is ready moments after it was resolved says so at once, one that flaps does
/// not. Mere progress is told ever more rarely, as every write is told to every node: how many
/// writes it takes until a thousand nodes have a cache grows with the logarithm of the time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace gkm::base {

class pace {
public:
  using time = std::chrono::steady_clock::time_point;

  enum class kind : uint8_t { urgent, change, progress };

  /// How long to wait before a write that is wanted now; zero: not at all.
  std::chrono::milliseconds due(time now, kind what) const {
    if (!last_ || (what == kind::urgent && credit_ > 0)) return {};
    auto next =
        *last_ + (what == kind::progress ? between_progress * (1U << doublings_) : between_writes);
    return now >= next ? std::chrono::milliseconds{}
                       : std::chrono::ceil<std::chrono::milliseconds>(next - now);
  }

  void wrote(time now, kind what) {
    bool rested = !last_ || now - *last_ >= between_writes;
    if (rested)
      credit_ = ahead_max;
    else if (credit_ > 0)
      --credit_;
    last_ = now;
    doublings_ = what == kind::progress ? std::min(doublings_ + 1, doublings_max) : 0;
  }

private:
  static constexpr std::chrono::milliseconds between_writes{1'000};
  static constexpr std::chrono::milliseconds between_progress{2'000};
  static constexpr uint32_t ahead_max = 2;
  static constexpr uint32_t doublings_max = 3;

  std::optional<time> last_;
  uint32_t credit_ = 0;
  uint32_t doublings_ = 0;
};

}  // namespace gkm::base
