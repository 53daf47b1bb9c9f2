/// One seed's story: the node's actors against a hostile world, as node_test.cpp promises.
#pragma once

#include "gpu/match.hpp"
#include "hip.hpp"
#include "tests/support/sim_agent.hpp"

#include <set>
#include <sstream>

namespace gkm::sim {

inline constexpr size_t cache_names = 5;
inline constexpr size_t tag_names = 6;
inline constexpr int turns = 40;
inline constexpr duration turn_length{4'000};
/// The longest pause after a failure is five minutes, a lost answer is missed after five more.
inline constexpr duration time_to_heal{3'600'000};

inline std::vector<gpu> gpus_of(const char* arch) { return {gpu_of(arch)}; }

inline image_ref tag_ref(size_t i) {
  return {"registry.example", "cache", "t" + std::to_string(i), {}};
}

/// One seed's story.
class node_story {
public:
  explicit node_story(uint64_t seed)
      : world_(seed), agent_(world_), pods_(world_, agent_.disk, agent_.volumes) {
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
  uint64_t pods_seen() const { return pods_seen_; }
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
    for (auto n = c.below(3); n > 0; --n) pods_.publish(pick_name());
    if (c.one_in(2)) pods_.unpublish_any();
    if (c.one_in(10)) pods_.crash();
    if (c.one_in(6)) crash(c.one_in(2));
  }

  void crash(bool power_cut) {
    ++crashes_;
    // Anywhere within the next moments, not only when all is settled.
    for (auto n = world_.chaos().below(40); n > 0; --n)
      world_.run(duration(1), [this] { check_mounts(); });
    agent_.kill();
    if (power_cut) {
      agent_.disk.lose_power();
      pods_.lose_power();
    }
    start();
  }

  /// The causes go away: tags exist, the disk is large, and people touch what a moved tag concerns.
  void heal() {
    world_.chaos().stop();
    pods_.crash();
    agent_.disk.capacity_bytes = 100'000;
    for (size_t i = 0; i < tag_names; ++i)
      if (!agent_.images.tags.contains(tag_ref(i).str())) push(i);
    // Let the last pushes be seen by nobody's earlier question.
    world_.run(duration(200'000), [this] { check_disk(); });
    for (int i = 0; i < 4; ++i) pods_.publish(pick_name());
    world_.run(duration(1'000), [this] { check_disk(); });
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
    check_mounts();
  }

  void check_mounts() {
    for (const auto& [id, m] : pods_.mounts) {
      auto is_there = [&m = m](const auto& place) {
        auto it = place.find(m.manifest);
        return it != place.end() && it->second.inode == m.inode;
      };
      if (!is_there(agent_.disk.store) && !is_there(agent_.disk.taken_out))
        complain(m.manifest.brief() + " was deleted under the mount of " + id);
    }
  }

  static bool is_ready(const cache_status& s) {
    return s.state == cache_state::extracted || s.state == cache_state::running;
  }

  void check_status(const cache_status& s) {
    if (!is_ready(s)) return;
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
    for (const auto& [id, m] : pods_.mounts) expected.insert(m.manifest);
    std::set<digest> actual;
    for (const auto& [d, s] : agent_.disk.store) {
      actual.insert(d);
      if (s.unsynced_boot != 0) complain(d.brief() + " was never synced");
    }
    if (actual != expected)
      complain("the store holds " + std::to_string(actual.size()) + " digests, needed are " +
               std::to_string(expected.size()));
    if (!agent_.disk.taken_out.empty()) complain("a digest was left between store and staging");
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
    check_pods(s, describe);
    check_record(s, describe);
    bool declined = !truth.label.empty() && !fits(truth.label);
    if (is_ready(s)) {
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

  void check_pods(const cache_status& s, const std::string& describe) {
    auto expected = pods_.mounted(s.ref);
    if (s.volumes != expected)
      complain(describe + " and counts " + std::to_string(s.volumes.size()) + " volumes of " +
               std::to_string(expected.size()));
    bool used = std::any_of(expected.begin(), expected.end(), [&](const mounted_volume& v) {
      return v.manifest == s.stored.manifest;
    });
    if (is_ready(s) && used != (s.state == cache_state::running))
      complain(describe + (used ? ", but a pod uses it" : ", but no pod uses it"));
    pods_seen_ += expected.size();
  }

  /// What a mount that waits would be told.
  void check_record(const cache_status& s, const std::string& describe) {
    auto found = agent_.disk.records.find(s.ref);
    if (found == agent_.disk.records.end()) return complain(describe + ", but has no record");
    const auto& r = found->second;
    if (s.path.empty()) {
      if (r.state != cache_state::error || r.code != s.code)
        complain(describe + ", but its record is " + std::string(to_string(r.state)) + ", " +
                 std::string(to_string(r.code)));
    } else if (r.state != cache_state::extracted || r.manifest != s.stored.manifest ||
               r.bytes != s.stored.bytes || r.files != 3 || r.relocated_files != 1) {
      complain(describe + ", but its record is of something else");
    }
  }

  world world_;
  agent agent_;
  pods pods_;
  std::map<cache_ref, image_ref> wanted_;
  std::map<digest, fake_image> made_;
  std::set<std::string> moved_;
  uint64_t manifests_ = 0;
  uint64_t crashes_ = 0;
  uint64_t pods_seen_ = 0;
  std::ostringstream problems_;
};

}  // namespace gkm::sim
