/// gkm-csi's actors against a hostile world: requests that race, ports that fail, a process that
/// dies between any two steps, reboots, a catalog that changes, and an agent that collects digests.
/// Always: never two views of one volume, never another namespace's cache, never a collected digest
/// under a mount, never a mount without its record. In the end nothing is left.
///
/// GKM_SIM_SEED=n replays one seed, GKM_SIM_SEEDS=n runs another number of them.

#include "kubelet.hpp"
#include "seeds.hpp"

namespace gkm::sim {
namespace {

constexpr size_t digest_count = 6;
constexpr int turns = 40;

const std::vector<cache_ref> refs{{"a", "c0"}, {"a", "c1"}, {"b", "c0"}, {"", "c0"}};

digest some_digest(size_t i) { return digest{std::string(63, 'd') + std::to_string(i)}; }

/// One seed's story.
class story {
public:
  explicit story(uint64_t seed)
      : world_(seed),
        complaints_(world_),
        csi_(world_, node_),
        agent_(world_, node_),
        rules_(complaints_, csi_),
        kubelet_(world_, complaints_, csi_, rules_, [this] { return any_cache(); }) {
    kubelet_.on_publish = [this](const cache_ref& ref) {
      if (chance().one_in(3)) pull_away(ref);
    };
  }

  void tell() {
    for (const auto& ref : refs) update(ref);
    csi_.start();
    for (int turn = 0; turn < turns && complaints_.none(); ++turn) {
      disturb();
      run(chance().one_in(8) ? duration(8'000) : chance().between(0, 120));
    }
    end();
    csi_.kill();
  }

  std::string problems() const { return complaints_.text(); }
  std::map<std::string, uint64_t> counts() {
    return {{"faults", chance().struck()},
            {"crashes", crashes_},
            {"volumes published", kubelet_.published()},
            {"of them empty", kubelet_.fallbacks()},
            {"waits cancelled", kubelet_.cancelled()},
            {"digests gone at the last moment", csi_.volumes.missed}};
  }
  std::string fingerprint() {
    return std::to_string(world_.steps()) + "/" + std::to_string(chance().draw());
  }

private:
  chaos& chance() { return world_.chaos(); }
  const cache_ref& any_cache() { return refs[chance().below(refs.size())]; }
  void run(duration time) {
    world_.run(time, [this] { rules_.always(); });
  }

  // -- what happens --

  void disturb() {
    for (auto n = chance().below(4); n > 0; --n) kubelet_.request();
    if (chance().one_in(3)) update(any_cache());
    if (chance().one_in(2)) agent_.collect();
    if (chance().one_in(12)) agent_.forget(any_cache());
    if (chance().one_in(16)) kubelet_.occupy_some_target();
    if (chance().one_in(8)) node_.foreign.clear();
    if (chance().one_in(8)) crash(chance().one_in(3));
  }

  /// The agent says something new about a cache.
  void update(const cache_ref& ref) {
    catalog_record r;
    r.ref = ref;
    r.image = "registry.example/x:y";
    auto pick = chance().below(8);
    r.state = pick == 0   ? cache_state::pending
              : pick == 1 ? cache_state::error
                          : cache_state::extracted;
    if (r.state == cache_state::extracted) r.manifest = some_digest(chance().below(digest_count));
    if (r.state == cache_state::error) {
      r.code = chance().one_in(2) ? errc::incompatible : errc::unavailable;
      r.reason = "for the story's sake";
    }
    r.relocated_files = chance().below(2);
    agent_.say(r);
  }

  /// The cache becomes another one while somebody is about to mount it, and the old digest goes.
  void pull_away(const cache_ref& ref) {
    world_.after(chance().between(0, 100), [this, ref] {
      update(ref);
      agent_.collect();
    });
  }

  /// Anywhere within the next moments, not only when all is settled.
  void crash(bool reboot) {
    ++crashes_;
    run(duration(chance().below(40)));
    csi_.kill();
    if (reboot) node_.reboot();
    run(duration(chance().below(40)));
    csi_.start();
  }

  // -- what must hold in the end --

  void end() {
    chance().stop();
    node_.foreign.clear();
    run(time_to_settle);
    kubelet_.unpublish_all();
    run(time_to_settle);
    rules_.nothing_left();
    for (size_t v = 0; v < volume_count; ++v) publish_surely(v);
    run(chance().between(0, 10'000));
    for (size_t i = 0; i < refs.size(); ++i) agent_.say(ready(refs[i], i));
    agent_.collect();
    run(time_to_settle);
    for (size_t v = 0; v < volume_count; ++v)
      if (!node_.mounts.contains(kubelet::target(v)))
        complaints_.add(kubelet::volume_id(v) + " is not mounted in the end");
    kubelet_.unpublish_all();
    run(time_to_settle);
    rules_.nothing_left();
    for (const auto& ref : refs) agent_.forget(ref);
    agent_.collect();
    run(time_to_settle);
    if (!node_.store.empty() || !node_.aside.empty()) complaints_.add("the store is not empty");
  }

  static catalog_record ready(const cache_ref& ref, size_t i) {
    catalog_record r;
    r.ref = ref;
    r.manifest = some_digest(i);
    r.state = cache_state::extracted;
    return r;
  }

  /// Of a cache that becomes ready while this waits.
  void publish_surely(size_t v) {
    const auto& ref = v % 2 ? refs[2] : refs[v / 2];
    catalog_record r;
    r.ref = ref;
    agent_.say(r);
    kubelet_.publish_surely(v, ref);
  }

  world world_;
  complaints complaints_;
  fake_node node_;
  csi_process csi_;
  fake_agent agent_;
  csi_rules rules_;
  kubelet kubelet_;
  uint64_t crashes_ = 0;
};

}  // namespace

TEST(csi_simulation, never_shows_what_is_wrong_and_leaves_nothing) { tell_stories<story>(2'000); }

TEST(csi_simulation, one_seed_tells_one_story) { tell_twice<story>(50); }

}  // namespace gkm::sim
