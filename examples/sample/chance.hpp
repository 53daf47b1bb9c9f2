/// Repeatable chance: the same seed gives the same cache on every machine.
#pragma once

#include <cstdint>

namespace gkm::sample {

/// SplitMix64: one addition and three mixing steps a number, quick enough to fill gigabytes.
class chance {
public:
  explicit chance(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    auto z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// 0 … limit-1; `limit` is not 0.
  uint64_t below(uint64_t limit) { return next() % limit; }

private:
  uint64_t state_;
};

}  // namespace gkm::sample
