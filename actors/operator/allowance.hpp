/// How often one tenant may have something done: a few times at once after a rest, then once in a
/// while. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace gkm::op {

class allowance {
public:
  using time = std::chrono::steady_clock::time_point;

  allowance(uint32_t at_once, std::chrono::milliseconds each)
      : saved_(each * at_once), each_(each) {}

  /// How long until `take` may be called.
  std::chrono::milliseconds due(time now) const {
    auto next = empty_at_ + each_;
    return now >= next ? std::chrono::milliseconds{}
                       : std::chrono::ceil<std::chrono::milliseconds>(next - now);
  }
  void take(time now) { empty_at_ = std::max(empty_at_, now - saved_) + each_; }
  /// As if never used.
  bool is_full(time now) const { return empty_at_ <= now - saved_; }

private:
  std::chrono::milliseconds saved_;
  std::chrono::milliseconds each_;
  time empty_at_ = time::min();  ///< what was saved up since then is still there
};

}  // namespace gkm::op
