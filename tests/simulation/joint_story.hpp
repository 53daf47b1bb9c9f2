/// One seed's story: the agent's and gkm-csi's actors on one node, as joint_test.cpp promises.
#pragma once

#include "demand.hpp"
#include "kubelet.hpp"

namespace gkm::sim {

class joint_story {
public:
  explicit joint_story(uint64_t seed)
      : world_(seed),
        complaints_(world_),
        agent_(world_, node_),
        csi_(world_, node_),
        node_rules_(complaints_, node_, agent_),
        csi_rules_(complaints_, csi_),
        demand_(world_, node_, agent_, node_rules_, names()),
        kubelet_(world_, complaints_, csi_, csi_rules_, [this] { return pick_cache(); }) {
    kubelet_.on_publish = [this](const cache_ref& ref) {
      if (chance().one_in(2)) pull_away(ref);
    };
  }

  void tell() {
    for (const auto& ref : names()) demand_.want_any_image(ref);
    demand_.start_agent();
    csi_.start();
    run(duration(2'000));
    for (int turn = 0; turn < turns && complaints_.none(); ++turn) {
      disturb();
      run(chance().one_in(4) ? duration(20'000) : chance().between(0, 400));
    }
    if (complaints_.none()) end();
    agent_.kill();
    csi_.kill();
  }

  std::string problems() const { return complaints_.text(); }
  std::map<std::string, uint64_t> counts() {
    return {{"faults", chance().struck()},
            {"crashes", crashes_},
            {"volumes published", kubelet_.published()},
            {"of them empty", kubelet_.fallbacks()},
            {"digests gone at the last moment", csi_.volumes.missed},
            {"removals undone for a volume", agent_.disk.refused},
            {"volumes counted at the end", node_rules_.pods_seen}};
  }
  std::string fingerprint() {
    return std::to_string(world_.steps()) + "/" + std::to_string(chance().draw());
  }

private:
  static constexpr int turns = 40;

  static std::vector<cache_ref> names() {
    return {{"a", "c0"}, {"a", "c1"}, {"b", "c0"}, {"", "c0"}};
  }

  chaos& chance() { return world_.chaos(); }
  void run(duration time) {
    world_.run(time, [this] {
      node_rules_.check_disk();
      csi_rules_.always();
    });
  }

  // -- what happens --

  void disturb() {
    demand_.disturb();
    request_some();
    if (chance().one_in(16)) kubelet_.occupy_some_target();
    if (chance().one_in(8)) node_.foreign.clear();
    if (chance().one_in(6)) crash();
  }

  bool is_ready(const cache_ref& ref) const {
    auto found = node_.catalog.find(ref);
    return found != node_.catalog.end() && found->second.state == cache_state::extracted;
  }

  /// Rather one that is ready.
  cache_ref pick_cache() {
    constexpr int tries = 4;
    auto ref = demand_.pick();
    for (int i = 0; i < tries && !is_ready(ref); ++i) ref = demand_.pick();
    return ref;
  }

  void request_some() {
    for (auto n = chance().below(4); n > 0; --n) kubelet_.request();
  }

  /// The cache becomes another one, or goes, while somebody is about to mount it; and maybe comes
  /// back while its digest is being removed.
  void pull_away(const cache_ref& ref) {
    world_.after(chance().between(0, 100), [this, ref] {
      if (chance().one_in(3)) return demand_.want_any_image(ref);
      demand_.withdraw(ref);
      world_.after(chance().between(0, 300), [this, ref] { demand_.want_any_image(ref); });
    });
  }

  /// Anywhere within the next moments, not only when all is settled. Who lives goes on meanwhile.
  void crash() {
    ++crashes_;
    run(duration(chance().below(40)));
    bool power_cut = chance().one_in(4);
    bool both = power_cut || chance().one_in(4);
    bool agent_dies = both || chance().one_in(2);
    if (agent_dies) agent_.kill();
    if (both || !agent_dies) csi_.kill();
    if (power_cut) node_.lose_power(chance());
    if (csi_.alive()) request_some();
    run(chance().one_in(4) ? duration(5'000) : chance().between(0, 200));
    if (!csi_.alive()) csi_.start();
    if (chance().one_in(2)) run(chance().between(0, 40));
    if (!agent_.alive()) demand_.start_agent();
  }

  // -- what must hold in the end --

  void end() {
    chance().stop();
    node_.foreign.clear();
    csi_.kill();
    csi_.start();
    demand_.heal();
    // Let the last pushes be seen by nobody's earlier question.
    run(duration(200'000));
    demand_.ask_again();
    check_when_quiet();
    kubelet_.unpublish_all();
    check_when_quiet();
    csi_rules_.nothing_left();
    publish_what_is_ready();
    demand_.move_tags();
    check_when_quiet();
    kubelet_.unpublish_all();
    check_when_quiet();
    demand_.withdraw_all();
    check_when_quiet();
    csi_rules_.nothing_left();
    if (!node_.store.empty()) complaints_.add("something is stored that nobody wants");
  }

  void check_when_quiet() {
    if (!complaints_.none()) return;
    run(time_to_heal);
    if (complaints_.none()) node_rules_.check_end();
  }

  void publish_what_is_ready() {
    std::set<size_t> asked;
    for (size_t v = 0; v < volume_count; ++v) {
      const auto& ref = demand_.pick();
      if (!is_ready(ref) || (!ref.is_cluster() && ref.ns != kubelet::pod_ns(v))) continue;
      kubelet_.publish_surely(v, ref);
      asked.insert(v);
    }
    run(time_to_settle);
    for (auto v : asked)
      if (!node_.mounts.contains(kubelet::target(v)))
        complaints_.add(kubelet::volume_id(v) + " is not mounted in the end");
  }

  world world_;
  complaints complaints_;
  fake_node node_;
  agent agent_;
  csi_process csi_;
  node_rules node_rules_;
  csi_rules csi_rules_;
  demand demand_;
  kubelet kubelet_;
  uint64_t crashes_ = 0;
};

}  // namespace gkm::sim
