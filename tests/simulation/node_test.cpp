/// The node's actors against a hostile world: registries that fail, stall and lose answers, disks
/// that fill, crashes and power cuts between any two steps. While faults last, nothing wrong may
/// become visible; once they stop, everything wanted must become ready and nothing may be left
/// over.
///
/// GKM_SIM_SEED=n replays one seed, GKM_SIM_SEEDS=n runs another number of them.

#include "base/log.hpp"
#include "gpu/match.hpp"
#include "tests/support/sim_agent.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace gkm::sim {
namespace {

constexpr uint64_t default_seeds = 2'000;
constexpr size_t cache_names = 5;
constexpr size_t tag_names = 6;
constexpr int turns = 40;
constexpr duration turn_length{4'000};
/// The longest pause after a failure is five minutes, a lost answer is missed after five more.
constexpr duration time_to_heal{3'600'000};

target hip(const char* arch) {
  target t;
  t.backend = "hip";
  t.arch = arch;
  return t;
}

std::vector<gpu> gpus_of(const char* arch) {
  gpu g;
  g.backend = "hip";
  g.arch = arch;
  return {g};
}

image_ref tag_ref(size_t i) { return {"registry.example", "cache", "t" + std::to_string(i), {}}; }

/// One seed's story.
class story {
public:
  explicit story(uint64_t seed) : world_(seed), agent_(world_) {
    agent_.status.on_write = [this](const cache_status& s) { check_status(s); };
    agent_.inventory.set(gpus_of("gfx90a"));
    for (size_t i = 0; i < tag_names - 1; ++i) push(i);
  }

  void tell() {
    start();
    for (int turn = 0; turn < turns && problems_.str().empty(); ++turn) {
      disturb();
      world_.run(turn_length, [this] { check_disk(); });
    }
    heal();
    world_.run(time_to_heal, [this] { check_disk(); });
    if (problems_.str().empty()) check_end();
    agent_.kill();
    world_.settle();
  }

  std::string problems() const { return problems_.str(); }
  uint64_t struck() { return world_.chaos().struck(); }
  uint64_t crashes() const { return crashes_; }
  /// Equal for two runs of one seed, or something is not deterministic.
  std::string fingerprint() {
    return std::to_string(world_.steps()) + "/" + std::to_string(world_.chaos().draw());
  }

private:
  // -- what happens --

  void start() {
    agent_.start();
    for (const auto& [ref, image] : wanted_)
      caf::anon_send(agent_.node(), changed_atom_v, cache_spec{ref, image});
    caf::anon_send(agent_.node(), synced_atom_v);
  }

  void push(size_t tag) {
    auto& c = world_.chaos();
    fake_image image;
    image.manifest.hex = std::string(62, 'a') + std::to_string(10 + manifests_++ % 90);
    const char* archs[] = {"gfx90a", "gfx90a", "gfx942"};
    const auto* arch = archs[c.below(3)];
    if (!c.one_in(6)) image.kernels = {hip(arch)};
    if (c.one_in(2)) image.label = {hip(c.one_in(8) ? "gfx942" : arch)};
    image.bytes = 8 * (1 + c.below(10));
    image.hostile = c.one_in(8);
    made_[image.manifest] = image;
    agent_.images.tags[tag_ref(tag).str()] = image;
    moved_.insert(tag_ref(tag).str());
  }

  cache_ref pick_name() {
    auto i = world_.chaos().below(cache_names);
    return {i % 2 ? "" : "default", "c" + std::to_string(i / 2)};
  }

  void want(const cache_ref& ref, const image_ref& image) {
    wanted_[ref] = image;
    if (agent_.alive()) caf::anon_send(agent_.node(), changed_atom_v, cache_spec{ref, image});
  }

  void disturb() {
    auto& c = world_.chaos();
    if (c.one_in(2)) want(pick_name(), tag_ref(c.below(tag_names)));
    if (c.one_in(6)) {
      auto ref = pick_name();
      wanted_.erase(ref);
      caf::anon_send(agent_.node(), deleted_atom_v, ref);
    }
    if (c.one_in(8)) push(c.below(tag_names));
    if (c.one_in(12)) agent_.inventory.set(gpus_of(c.one_in(2) ? "gfx90a" : "gfx942"));
    if (c.one_in(6)) agent_.disk.capacity_bytes = c.one_in(2) ? 60 : 1'000;
    if (c.one_in(6)) crash(c.one_in(2));
  }

  void crash(bool power_cut) {
    ++crashes_;
    // Anywhere within the next moments, not only when all is settled.
    for (auto n = world_.chaos().below(40); n > 0; --n) world_.run(duration(1), [] {});
    agent_.kill();
    if (power_cut) agent_.disk.lose_power();
    start();
  }

  /// The causes go away: tags exist, the disk is large, and people touch what a moved tag concerns.
  void heal() {
    world_.chaos().stop();
    agent_.disk.capacity_bytes = 100'000;
    for (size_t i = 0; i < tag_names; ++i)
      if (!agent_.images.tags.contains(tag_ref(i).str())) push(i);
    // Let the last pushes be seen by nobody's earlier question.
    world_.run(duration(200'000), [this] { check_disk(); });
    for (const auto& [ref, image] : wanted_)
      if (moved_.contains(image.str())) want(ref, image);
  }

  // -- what must hold always --

  void complain(const std::string& what) {
    problems_ << "at " << world_.now_ms() << " ms: " << what << "\n";
  }

  void check_disk() {
    for (const auto& [d, s] : agent_.disk.store) {
      bool suspect = s.unsynced_boot != 0 && s.unsynced_boot != agent_.disk.boot;
      if (!s.content.whole && !suspect) complain("a partial cache is visible: " + d.brief());
      if (s.content.manifest != d) complain("a wrong cache is visible under " + d.brief());
    }
  }

  void check_status(const cache_status& s) {
    if (s.state != cache_state::extracted) return;
    auto stored = agent_.disk.store.find(s.stored.manifest);
    if (s.path.empty()) complain(s.ref.str() + " is ready without a path");
    auto record = agent_.disk.records.find(s.ref);
    if (record == agent_.disk.records.end()) return;  // deleted while this status was on its way
    if (record->second.manifest != s.stored.manifest) return;  // replaced likewise
    if (record->second.state != cache_state::extracted) return;
    if (stored == agent_.disk.store.end())
      complain(s.ref.str() + " is said to be ready, but is not in the store");
    else if (!stored->second.content.whole)
      complain(s.ref.str() + " is said to be ready, but is damaged");
  }

  // -- what must hold in the end --

  void check_end() {
    std::set<digest> expected;
    for (const auto& [ref, image] : wanted_) check_cache(ref, image, expected);
    std::set<digest> actual;
    for (const auto& [d, s] : agent_.disk.store) {
      actual.insert(d);
      if (s.unsynced_boot != 0) complain(d.brief() + " was never synced");
    }
    if (actual != expected)
      complain("the store holds " + std::to_string(actual.size()) + " digests, wanted are " +
               std::to_string(expected.size()));
    if (!agent_.disk.staging.empty()) complain("staging is not empty");
    if (agent_.images.in_flight != 0) complain("transfers are still under way");
    for (const auto& [ref, r] : agent_.disk.records)
      if (!wanted_.contains(ref)) complain("a record is left of " + ref.str());
    for (const auto& [ref, s] : agent_.status.seen)
      if (!wanted_.contains(ref)) complain("a status is left of " + ref.str());
  }

  void check_cache(const cache_ref& ref, const image_ref& image, std::set<digest>& expected) {
    auto seen = agent_.status.seen.find(ref);
    if (seen == agent_.status.seen.end()) return complain(ref.str() + " has no status");
    const auto& s = seen->second;
    const auto& truth = agent_.images.tags.at(image.str());
    auto fits = [&](const std::vector<target>& t) {
      return gpus::match(t, agent_.inventory.gpus()).usable();
    };
    auto describe = ref.str() + " " + image.tag + " is " + std::string(to_string(s.state)) + " (" +
                    s.message + ")";
    bool declined = !truth.label.empty() && !fits(truth.label);
    if (s.state == cache_state::extracted) {
      expected.insert(s.stored.manifest);
      if (s.stored.manifest != truth.manifest) complain(describe + ", but the tag is elsewhere");
      if (!fits(truth.kernels)) complain(describe + ", but does not fit");
    } else if (s.state != cache_state::error) {
      complain(describe);
    } else if (!s.path.empty()) {
      // The image before is still served, as a fallback that a person can see.
      expected.insert(s.stored.manifest);
    }
    if (s.state == cache_state::error && fits(truth.kernels) && !declined && !truth.hostile)
      complain(describe + ", but nothing stands in its way");
  }

  world world_;
  agent agent_;
  std::map<cache_ref, image_ref> wanted_;
  std::map<digest, fake_image> made_;
  std::set<std::string> moved_;
  uint64_t manifests_ = 0;
  uint64_t crashes_ = 0;
  std::ostringstream problems_;
};

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
  uint64_t struck = 0, crashes = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    story s(seed);
    s.tell();
    struck += s.struck();
    crashes += s.crashes();
    ASSERT_EQ(s.problems(), "") << "replay with GKM_SIM_SEED=" << seed;
  }
  std::cout << seeds << " seeds, " << struck << " faults, " << crashes << " crashes\n";
  EXPECT_GT(seeds == 1 ? 1 : struck, 0u);
}

TEST(node_simulation, one_seed_tells_one_story) {
  base::log::configure(base::log::level::off, false);
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    story a(seed), b(seed);
    a.tell();
    b.tell();
    ASSERT_EQ(a.fingerprint(), b.fingerprint()) << "seed " << seed;
  }
}

}  // namespace gkm::sim
