/// What must hold of the agent and its node: always, of each status, and in the end.
#pragma once

#include "actors/node/origins.hpp"
#include "gpus/match.hpp"
#include "tests/support/sim/sim_agent.hpp"
#include "tests/support/sim/sim_complaints.hpp"

#include <set>

namespace gkm::sim {

/// The pull secrets of a cache.
inline std::vector<std::string> login_of(const cache_ref& ref) {
  if (ref.is_cluster()) return {};
  return {ref.ns + "/login"};
}

/// The longest pause after a failure is five minutes, a lost answer is missed after five more.
inline constexpr duration time_to_heal{3'600'000};

class node_rules {
public:
  node_rules(complaints& c, fake_node& n, agent& a) : complaints_(c), node_(n), agent_(a) {
    agent_.status.on_write = [this](const cache_status& s) { check_status(s); };
  }

  std::map<cache_ref, image_ref> wanted;
  uint64_t shared = 0;  ///< statuses of what was read at more than one place, or with two logins
  uint64_t pods_seen = 0;

  // -- what must hold always --

  void check_disk() {
    for (const auto& [d, s] : node_.store) {
      bool suspect = s.unsynced_boot != 0 && s.unsynced_boot != node_.boot;
      if (!s.content.whole && !suspect) complain("a partial cache is visible: " + d.brief());
      if (s.content.manifest != d) complain("a wrong cache is visible under " + d.brief());
    }
    check_mounts();
  }

  void check_mounts() {
    for (const auto& [where, m] : node_.mounts)
      if (m.instance != 0 && !node_.still_holds(m))
        complain(m.manifest.brief() + " was deleted under the mount of " + m.volume_id);
  }

  static bool is_ready(const cache_status& s) {
    return s.state == cache_state::extracted || s.state == cache_state::running;
  }

  void check_status(const cache_status& s) {
    if (!is_ready(s)) return;
    check_reading(s);
    auto stored = node_.store.find(s.stored.manifest);
    if (s.path.empty()) complain(s.ref.str() + " is ready without a path");
    auto record = node_.catalog.find(s.ref);
    if (record == node_.catalog.end()) return;  // deleted while this status was on its way
    if (record->second.manifest != s.stored.manifest) return;  // replaced likewise
    if (record->second.state != cache_state::extracted) return;
    if (node_.set_aside.contains(s.stored.manifest)) return;  // and the cache does not know yet
    if (stored == node_.store.end())
      complain(s.ref.str() + " is said to be ready, but is not in the store");
    else if (!stored->second.content.whole)
      complain(s.ref.str() + " is said to be ready, but is damaged");
  }

  /// What somebody else brought is shown only to who could have pulled it.
  void check_reading(const cache_status& s) {
    const auto& all = agent_.images.readings;
    auto where = node::repository_of(*image_ref::parse(s.image));
    if (!all.contains({s.stored.manifest, where, login_of(s.ref)}))
      complain(s.ref.str() + " is given what it never read from " + where);
    auto same = [&s](const auto& r) { return std::get<0>(r) == s.stored.manifest; };
    if (std::count_if(all.begin(), all.end(), same) > 1) ++shared;
  }

  // -- what must hold in the end --

  void check_end() {
    std::set<digest> expected;
    for (const auto& [ref, image] : wanted) check_cache(ref, image, expected);
    for (const auto& [where, m] : node_.mounts)
      if (m.instance != 0) expected.insert(m.manifest);
    // What was set aside under a mount need not be pulled again for it.
    for (const auto& [where, m] : node_.mounts)
      if (node_.kept_instances.contains(m.instance) && !node_.store.contains(m.manifest) &&
          !is_wanted(m.manifest))
        expected.erase(m.manifest);
    std::set<digest> actual;
    for (const auto& [d, s] : node_.store) {
      actual.insert(d);
      if (s.unsynced_boot != 0) complain(d.brief() + " was never synced");
      if (s.content.has_lost_a_file || s.content.has_another_byte)
        complain(d.brief() + " is damaged, and nobody has seen it");
    }
    if (actual != expected)
      complain("the store holds " + std::to_string(actual.size()) + " digests, needed are " +
               std::to_string(expected.size()));
    if (!node_.aside.empty()) complain("a digest was left between store and staging");
    if (!node_.staging.empty()) complain("staging is not empty");
    if (agent_.images.in_flight != 0) complain("transfers are still under way");
    for (const auto& [ref, r] : node_.catalog)
      if (!wanted.contains(ref)) complain("a record is left of " + ref.str());
    for (const auto& [ref, s] : agent_.status.seen)
      if (!wanted.contains(ref)) complain("a status is left of " + ref.str());
  }

  bool is_wanted(const digest& d) const {
    return std::any_of(node_.catalog.begin(), node_.catalog.end(), [&](const auto& entry) {
      return entry.second.manifest == d && entry.second.state == cache_state::extracted;
    });
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
    auto expected = node_.mounted(s.ref);
    if (s.volumes != expected)
      complain(describe + " and counts " + std::to_string(s.volumes.size()) + " volumes of " +
               std::to_string(expected.size()));
    bool used = std::any_of(expected.begin(), expected.end(), [&](const mounted_volume& v) {
      return v.manifest == s.stored.manifest;
    });
    if (is_ready(s) && used != (s.state == cache_state::running))
      complain(describe + (used ? ", but a pod uses it" : ", but no pod uses it"));
    pods_seen += expected.size();
  }

  /// What a mount that waits would be told.
  void check_record(const cache_status& s, const std::string& describe) {
    auto found = node_.catalog.find(s.ref);
    if (found == node_.catalog.end()) return complain(describe + ", but has no record");
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

private:
  void complain(const std::string& what) { complaints_.add(what); }

  complaints& complaints_;
  fake_node& node_;
  agent& agent_;
};

}  // namespace gkm::sim
