/// Which seeds a run of stories has: GKM_SIM_SEED=n replays one, GKM_SIM_SEEDS=n runs another
/// number of them.
#pragma once

#include "base/program/log.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

namespace gkm::sim {

inline uint64_t number_from(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

/// Tells every seed's story until one goes wrong, and what happened in all of them together: a
/// story's `counts()`. What never happens in a hundred of them is not tested.
template <class Story>
void tell_stories(uint64_t default_seeds) {
  base::log::configure(base::log::level_from_environment(base::log::level::off), false);
  auto first = number_from("GKM_SIM_SEED", 1);
  auto seeds = std::getenv("GKM_SIM_SEED") ? 1 : number_from("GKM_SIM_SEEDS", default_seeds);
  std::map<std::string, uint64_t> seen;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    Story s(seed);
    s.tell();
    for (const auto& [what, count] : s.counts()) seen[what] += count;
    ASSERT_EQ(s.problems(), "") << "replay with GKM_SIM_SEED=" << seed;
  }
  std::cout << seeds << " seeds";
  for (const auto& [what, count] : seen) {
    std::cout << ", " << count << ' ' << what;
    EXPECT_GT(seeds < 100 ? 1 : count, 0u) << what;
  }
  std::cout << "\n";
}

/// Tells each story twice: other numbers in the same story would mean that something is not
/// deterministic.
template <class Story>
void tell_twice(uint64_t seeds) {
  base::log::configure(base::log::level::off, false);
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    Story a(seed), b(seed);
    a.tell();
    b.tell();
    ASSERT_EQ(a.fingerprint(), b.fingerprint()) << "seed " << seed;
  }
}

}  // namespace gkm::sim
