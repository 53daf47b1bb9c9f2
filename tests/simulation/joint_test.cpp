/// The agent's actors and gkm-csi's on one node that both know only from its disk. Either dies
/// between any two steps, or the machine does; images move, caches come and go, GPUs change, and
/// digests are collected while volumes that name them are being published.
/// Always: never two views of one volume, never another namespace's cache, never a collected or
/// partial digest under a mount, never a mount without its record. In the end the store holds what
/// caches want and what is mounted, statuses count exactly the mounted volumes, and of what went
/// nothing is left.
///
/// GKM_SIM_SEED=n replays one seed, GKM_SIM_SEEDS=n runs another number of them.

#include "joint_story.hpp"
#include "seeds.hpp"

namespace gkm::sim {

TEST(joint_simulation, agent_and_csi_never_hurt_each_other_and_leave_nothing) {
  tell_stories<joint_story>(1'000);
}

TEST(joint_simulation, one_seed_tells_one_story) { tell_twice<joint_story>(20); }

}  // namespace gkm::sim
