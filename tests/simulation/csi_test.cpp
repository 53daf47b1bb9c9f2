/// gkm-csi's actors against a hostile world: requests that race, ports that fail, a process that
/// dies between any two steps, reboots, a catalog that changes, and an agent that collects digests.
/// Always: never two views of one volume, never another namespace's cache, never a collected digest
/// under a mount, never a mount without its record. In the end nothing is left.
///
/// GKM_SIM_SEED=n replays one seed, GKM_SIM_SEEDS=n runs another number of them.

#include "actors/csi/arguments.hpp"
#include "base/log.hpp"
#include "tests/support/sim_csi_process.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace gkm::sim {
namespace {

constexpr uint64_t default_seeds = 2'000;
constexpr size_t volume_count = 4;
constexpr size_t digest_count = 6;
constexpr int turns = 40;
constexpr auto kubelet_root = "/var/lib/kubelet";
/// Longer than any wait, rest or retry.
constexpr duration time_to_end{120'000};

const std::vector<cache_ref> refs{{"a", "c0"}, {"a", "c1"}, {"b", "c0"}, {"", "c0"}};

std::string volume_id(size_t v) { return "csi-" + std::to_string(v); }
std::string pod_ns(size_t v) { return v % 2 ? "b" : "a"; }
std::string target(size_t v, size_t which = 0) {
  return std::string(kubelet_root) + "/pods/" + std::to_string(v) + "/mount" +
         std::to_string(which);
}
digest some_digest(size_t i) { return digest{std::string(63, 'd') + std::to_string(i)}; }

/// One seed's story.
class story {
public:
  explicit story(uint64_t seed) : world_(seed), csi_(world_) {}

  void tell() {
    for (const auto& ref : refs) update(ref);
    csi_.start();
    for (int turn = 0; turn < turns && problems_.str().empty(); ++turn) {
      disturb();
      run(chance().one_in(8) ? duration(8'000) : chance().between(0, 120));
    }
    end();
    csi_.kill();
  }

  std::string problems() const { return problems_.str(); }
  uint64_t struck() { return chance().struck(); }
  uint64_t crashes() const { return crashes_; }
  uint64_t published() const { return published_; }
  /// Equal for two runs of one seed, or something is not deterministic.
  std::string fingerprint() {
    return std::to_string(world_.steps()) + "/" + std::to_string(chance().draw());
  }

private:
  chaos& chance() { return world_.chaos(); }
  fake_node& node() { return csi_.node; }
  void run(duration time) {
    world_.run(time, [this] { check_always(); });
  }

  // -- what happens --

  void disturb() {
    for (auto n = chance().below(4); n > 0; --n) request();
    if (chance().one_in(3)) update(refs[chance().below(refs.size())]);
    if (chance().one_in(2)) csi_.agent.collect();
    if (chance().one_in(12)) csi_.agent.forget(refs[chance().below(refs.size())]);
    if (chance().one_in(16)) occupy(target(chance().below(volume_count)));
    if (chance().one_in(8)) node().foreign.clear();
    if (chance().one_in(8)) crash(chance().one_in(3));
  }

  void request() {
    auto v = chance().below(volume_count);
    auto where =
        target(chance().one_in(20) ? chance().below(volume_count) : v, chance().one_in(10));
    if (chance().one_in(2)) return publish(v, where);
    if (chance().one_in(3)) return measure(v, where);
    unpublish(v, where);
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
    csi_.agent.say(r);
  }

  void occupy(const std::string& path) {
    if (!node().mounts.contains(path)) node().foreign.insert(path);
  }

  /// Anywhere within the next moments, not only when all is settled.
  void crash(bool reboot) {
    ++crashes_;
    run(duration(chance().below(40)));
    csi_.kill();
    if (reboot) node().reboot();
    run(duration(chance().below(40)));
    csi_.start();
  }

  // -- what is asked, and what an answer must mean --

  result<publish_request> arguments(size_t v, const std::string& where) {
    const auto& ref = refs[chance().below(refs.size())];
    std::map<std::string, std::string> context{
        {csi::attribute::cache, ref.name},
        {csi::attribute::wait, std::to_string(chance().below(6))},
        {csi::attribute::pod_ns, pod_ns(v)}};
    if (!ref.is_cluster()) context[csi::attribute::ns] = ref.ns;
    if (chance().one_in(3)) context[csi::attribute::fallback] = "empty";
    if (chance().one_in(2)) context[csi::attribute::mount_path] = "/cache";
    auto q = csi::parse_publish(volume_id(v), where, context, chance().one_in(4), kubelet_root);
    bool foreign = !ref.is_cluster() && ref.ns != pod_ns(v);
    if (foreign != (!q && q.error().code == errc::unauthorized))
      complain("a pod of " + pod_ns(v) + " asked for " + ref.str() + " and was judged wrongly");
    return q;
  }

  void publish(size_t v, const std::string& where) {
    auto q = arguments(v, where);
    if (!q) return;
    csi_.ask<volume_record>(
        [this, q = *q, faults = chance().struck()](const result<volume_record>& r) {
          if (r)
            check_published(q, *r);
          else if (chance().struck() == faults)
            check_failed(q, r.error());
        },
        publish_atom_v, *q);
  }

  void unpublish(size_t v, const std::string& where) {
    csi_.ask<bool>(
        [=, this](const result<bool>& gone) {
          if (gone) check_unpublished(volume_id(v), where);
        },
        unpublish_atom_v, volume_id(v), where);
  }

  void measure(size_t v, const std::string& where) {
    csi_.ask<volume_stats>(
        [=, this](const result<volume_stats>& s) {
          if (!s && s.error().code != errc::not_found && s.error().code != errc::io &&
              s.error().code != errc::busy && s.error().code != errc::unavailable)
            complain("stats failed oddly: " + s.error().message);
        },
        stats_atom_v, volume_id(v), where);
  }

  void check_published(const publish_request& q, const volume_record& r) {
    ++published_;
    auto seen = node().mounts.find(q.target);
    if (seen == node().mounts.end() || seen->second.volume_id != q.volume_id)
      return complain(q.volume_id + " is said to be published, but not mounted");
    auto record = node().records.find(q.volume_id);
    if (record == node().records.end() || record->second != r || r.phase != volume_phase::mounted)
      complain(q.volume_id + " is said to be published, but its record says otherwise");
    if (r.ref != q.ref || r.target != q.target || seen->second.manifest != r.manifest)
      complain(q.volume_id + " shows something else than what was asked for");
    if (r.view == view_kind::empty && r.notes.empty())
      complain(q.volume_id + " is empty, and nothing says why");
  }

  /// Without a fault, what failed has left nothing; unless there was something already, or the
  /// target is somebody else's.
  void check_failed(const publish_request& q, const error& e) {
    if (e.code == errc::conflict || e.code == errc::busy || !csi_.volumes.recovered) return;
    check_gone(q.volume_id, "failed with " + e.message);
  }

  void check_unpublished(const std::string& id, const std::string& where) {
    auto seen = node().mounts.find(where);
    if (seen != node().mounts.end() && seen->second.volume_id == id)
      complain(id + " is said to be unpublished, but still mounted");
    auto record = node().records.find(id);
    if (record == node().records.end())
      check_gone(id, "is said to be unpublished");
    else if (record->second.target == where)
      complain(id + " is said to be unpublished, but its record is still there");
  }

  void check_gone(const std::string& id, const std::string& though) {
    if (node().has_mount(id)) complain(id + " " + though + ", but is mounted");
    if (node().records.contains(id)) complain(id + " " + though + ", but has a record");
    if (node().scratch.contains(id)) complain(id + " " + though + ", but has scratch");
  }

  void complain(const std::string& what) {
    problems_ << "at " << world_.now_ms() << " ms: " << what << "\n";
  }

  // -- what must hold always --

  void check_always() {
    for (auto& p : std::exchange(node().problems, {})) complain(p);
    std::set<std::string> seen;
    for (const auto& [where, m] : node().mounts) {
      if (!seen.insert(m.volume_id).second) complain("two views of " + m.volume_id);
      auto record = node().records.find(m.volume_id);
      if (record == node().records.end() || record->second.target != where)
        complain(m.volume_id + " is mounted without a record");
      else
        check_content(m, record->second);
    }
  }

  void check_content(const fake_mount& m, const volume_record& r) {
    if (m.view != view_kind::readonly && !node().scratch.contains(m.volume_id))
      complain(m.volume_id + " has lost its scratch while mounted");
    if (!r.ref.is_cluster() && r.ref.ns != r.pod_ns)
      complain(m.volume_id + " shows a cache of another namespace");
    if (m.instance == 0) return;
    if (r.manifest != m.manifest || !csi_.agent.history[r.ref].contains(m.manifest))
      complain(m.volume_id + " shows what " + r.ref.str() + " never was");
    bool stored = node().store.contains(m.manifest) && node().store[m.manifest] == m.instance;
    bool aside = node().aside.contains(m.manifest) && node().aside[m.manifest] == m.instance;
    if (!stored && !aside) complain(m.volume_id + " shows a digest that was collected");
  }

  // -- what must hold in the end --

  void unpublish_all() {
    for (size_t v = 0; v < volume_count; ++v)
      for (size_t owner = 0; owner < volume_count; ++owner)
        for (size_t which = 0; which < 2; ++which)
          csi_.ask<bool>(
              [=, this](const result<bool>& gone) {
                if (!gone) complain(volume_id(v) + " cannot go: " + gone.error().message);
              },
              unpublish_atom_v, volume_id(v), target(owner, which));
  }

  void check_nothing_left() {
    for (const auto& [where, m] : node().mounts) complain("a mount is left at " + where);
    for (const auto& [id, r] : node().records) complain("a record is left of " + id);
    for (const auto& id : node().scratch) complain("scratch is left of " + id);
    for (const auto& where : node().targets) complain("a target is left: " + where);
    if (csi_.unanswered) complain(std::to_string(csi_.unanswered) + " requests were not answered");
    if (csi_.catalog.watches()) complain("something is still being watched");
  }

  void end() {
    chance().stop();
    node().foreign.clear();
    run(time_to_end);
    unpublish_all();
    run(time_to_end);
    check_nothing_left();
    for (size_t v = 0; v < volume_count; ++v) publish_surely(v);
    run(chance().between(0, 10'000));
    for (size_t i = 0; i < refs.size(); ++i) csi_.agent.say(ready(refs[i], i));
    csi_.agent.collect();
    run(time_to_end);
    for (size_t v = 0; v < volume_count; ++v)
      if (!node().mounts.contains(target(v))) complain(volume_id(v) + " is not mounted in the end");
    unpublish_all();
    run(time_to_end);
    check_nothing_left();
    for (const auto& ref : refs) csi_.agent.forget(ref);
    csi_.agent.collect();
    run(time_to_end);
    if (!node().store.empty() || !node().aside.empty()) complain("the store is not empty");
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
    csi_.agent.say(r);
    std::map<std::string, std::string> context{{csi::attribute::cache, ref.name},
                                               {csi::attribute::ns, ref.ns},
                                               {csi::attribute::pod_ns, pod_ns(v)}};
    auto q = csi::parse_publish(volume_id(v), target(v), context, false, kubelet_root);
    csi_.ask<volume_record>(
        [this, q = *q](const result<volume_record>& r) {
          if (!r) return complain(q.volume_id + " cannot be published: " + r.error().message);
          check_published(q, *r);
        },
        publish_atom_v, *q);
  }

  world world_;
  csi_process csi_;
  uint64_t crashes_ = 0;
  uint64_t published_ = 0;
  std::ostringstream problems_;
};

uint64_t number_from(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

}  // namespace

TEST(csi_simulation, never_shows_what_is_wrong_and_leaves_nothing) {
  base::log::configure(base::log::level_from_environment(base::log::level::off), false);
  auto first = number_from("GKM_SIM_SEED", 1);
  auto seeds = std::getenv("GKM_SIM_SEED") ? 1 : number_from("GKM_SIM_SEEDS", default_seeds);
  uint64_t struck = 0, crashes = 0, published = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    story s(seed);
    s.tell();
    struck += s.struck();
    crashes += s.crashes();
    published += s.published();
    ASSERT_EQ(s.problems(), "") << "replay with GKM_SIM_SEED=" << seed;
  }
  std::cout << seeds << " seeds, " << struck << " faults, " << crashes << " crashes, " << published
            << " volumes published\n";
  EXPECT_GT(published, 0u);
}

TEST(csi_simulation, one_seed_tells_one_story) {
  base::log::configure(base::log::level::off, false);
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    story a(seed), b(seed);
    a.tell();
    b.tell();
    ASSERT_EQ(a.fingerprint(), b.fingerprint()) << "seed " << seed;
  }
}

}  // namespace gkm::sim
