/// The node's actors against a hostile world: registries that fail, stall and lose answers, disks
/// that fill, crashes and power cuts between any two steps, pods that come and go meanwhile. While
/// faults last, nothing wrong may become visible and nothing may go from under a mount; once they
/// stop, everything wanted must become ready, pods be counted and nothing be left over.
///
/// GKM_SIM_SEED=n replays one seed, GKM_SIM_SEEDS=n runs another number of them.

#include "base/log.hpp"
#include "node_story.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace gkm::sim {
namespace {

constexpr uint64_t default_seeds = 2'000;

uint64_t number_from(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

}  // namespace

TEST(node_simulation, heals_and_never_shows_what_is_wrong) {
  if (!std::getenv("GKM_LOG"))
    base::log::configure(base::log::level::off, false);
  else
    base::log::configure(base::log::level_from_environment(base::log::level::off), false);
  auto first = number_from("GKM_SIM_SEED", 1);
  auto seeds = std::getenv("GKM_SIM_SEED") ? 1 : number_from("GKM_SIM_SEEDS", default_seeds);
  uint64_t struck = 0, crashes = 0, mounted = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    node_story s(seed);
    s.tell();
    struck += s.struck();
    crashes += s.crashes();
    mounted += s.pods_seen();
    ASSERT_EQ(s.problems(), "") << "replay with GKM_SIM_SEED=" << seed;
  }
  std::cout << seeds << " seeds, " << struck << " faults, " << crashes << " crashes, " << mounted
            << " volumes at the end\n";
  EXPECT_GT(seeds == 1 ? 1 : struck, 0u);
}

TEST(node_simulation, one_seed_tells_one_story) {
  base::log::configure(base::log::level::off, false);
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    node_story a(seed), b(seed);
    a.tell();
    b.tell();
    ASSERT_EQ(a.fingerprint(), b.fingerprint()) << "seed " << seed;
  }
}

}  // namespace gkm::sim
