/// One seed's story: the node's actors against a hostile world, as node_test.cpp promises.
#pragma once

#include "demand.hpp"
#include "tests/support/sim/sim_pods.hpp"

namespace gkm::sim {

/// One seed's story.
class node_story {
public:
  explicit node_story(uint64_t seed)
      : world_(seed),
        complaints_(world_),
        agent_(world_, node_),
        pods_(world_, node_),
        rules_(complaints_, node_, agent_),
        demand_(world_, node_, agent_, rules_, names()) {}

  void tell() {
    constexpr std::chrono::seconds often{20};
    agent_.scrub = node::scrub_times{often, std::chrono::seconds(1), often};
    demand_.start_agent();
    for (int turn = 0; turn < turns && complaints_.none(); ++turn) {
      disturb();
      run(turn_length);
    }
    heal();
    run(time_to_heal);
    if (complaints_.none()) rules_.check_end();
    agent_.kill();
  }

  std::string problems() const { return complaints_.text(); }
  std::map<std::string, uint64_t> counts() {
    return {{"faults", world_.chaos().struck()},
            {"crashes", crashes_},
            {"digests damaged", damaged_},
            {"statuses of what more than one could read", rules_.shared},
            {"volumes counted at the end", rules_.pods_seen}};
  }
  std::string fingerprint() {
    return std::to_string(world_.steps()) + "/" + std::to_string(world_.chaos().draw());
  }

private:
  static constexpr int turns = 40;
  static constexpr duration turn_length{4'000};

  static std::vector<cache_ref> names() {
    return {{"default", "c0"}, {"", "c0"}, {"default", "c1"}, {"", "c1"}, {"default", "c2"}};
  }

  void run(duration time) {
    world_.run(time, [this] { rules_.check_disk(); });
  }

  void damage_any() {
    auto& c = world_.chaos();
    if (node_.store.empty()) return;
    auto it = node_.store.begin();
    std::advance(it, c.below(node_.store.size()));
    (c.one_in(2) ? it->second.content.has_lost_a_file : it->second.content.has_another_byte) = true;
    ++damaged_;
  }

  void disturb() {
    auto& c = world_.chaos();
    if (c.one_in(6)) damage_any();
    demand_.disturb();
    for (auto n = c.below(3); n > 0; --n) pods_.publish(demand_.pick());
    if (c.one_in(2)) pods_.unpublish_any();
    if (c.one_in(10)) pods_.crash();
    if (c.one_in(6)) crash(c.one_in(2));
  }

  void crash(bool power_cut) {
    ++crashes_;
    // Anywhere within the next moments, not only when all is settled.
    for (auto n = world_.chaos().below(40); n > 0; --n)
      world_.run(duration(1), [this] { rules_.check_mounts(); });
    agent_.kill();
    if (power_cut) {
      node_.lose_power(world_.chaos());
      pods_.crash();
    }
    demand_.start_agent();
  }

  void heal() {
    world_.chaos().stop();
    pods_.crash();
    demand_.heal();
    // Let the last pushes be seen by nobody's earlier question.
    run(duration(200'000));
    for (int i = 0; i < 4; ++i) pods_.publish(demand_.pick());
    run(duration(1'000));
    demand_.ask_again();
  }

  world world_;
  complaints complaints_;
  fake_node node_;
  agent agent_;
  pods pods_;
  node_rules rules_;
  demand demand_;
  uint64_t crashes_ = 0;
  uint64_t damaged_ = 0;
};

}  // namespace gkm::sim
