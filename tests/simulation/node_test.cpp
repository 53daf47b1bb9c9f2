/// The node's actors against a hostile world: registries that fail, stall and lose answers, disks
/// that fill, crashes and power cuts between any two steps, pods that come and go meanwhile. While
/// faults last, nothing wrong may become visible and nothing may go from under a mount; once they
/// stop, everything wanted must become ready, pods be counted and nothing be left over.
///
/// GKM_SIM_SEED=n replays one seed, GKM_SIM_SEEDS=n runs another number of them.

#include "node_story.hpp"
#include "seeds.hpp"

namespace gkm::sim {

TEST(node_simulation, heals_and_never_shows_what_is_wrong) { tell_stories<node_story>(2'000); }

TEST(node_simulation, one_seed_tells_one_story) { tell_twice<node_story>(50); }

}  // namespace gkm::sim
