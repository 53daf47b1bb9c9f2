/// Tenants beside each other on one node, on virtual time: what one asks for, and how slow its
/// registries are, is no matter of another.

#include "actors/node/puller.hpp"
#include "actors/node/questions.hpp"
#include "hip.hpp"
#include "seeds.hpp"
#include "tests/support/sim/sim_agent.hpp"

#include <algorithm>

namespace gkm::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class node_of_tenants {
public:
  explicit node_of_tenants(uint64_t seed) : world_(seed) {
    world_.chaos().stop();
    node_.capacity_bytes = uint64_t{1} << 40;
    agent_.inventory.set({gpu_of("gfx90a")});
    agent_.status.on_write = [this](const cache_status& s) {
      if (s.state == cache_state::extracted && !ready_.contains(s.ref))
        ready_[s.ref] = world_.now_ms();
    };
    agent_.start();
    caf::anon_send(agent_.node(), synced_atom_v);
    pass(seconds(1));
  }
  ~node_of_tenants() {
    agent_.kill();
    world_.settle();
  }

  chaos& chance() { return world_.chaos(); }
  void pass(duration time) {
    world_.run(time, [] {});
  }

  /// Another image for each cache, which come at a usual pace.
  void want(const std::string& tenant, size_t count) { want(tenant, count, fake_image{}); }
  /// Half of them has a manifest that never comes, half of them layers of some bytes a minute.
  void want_slow(const std::string& tenant, size_t count) {
    fake_image manifest, layers;
    manifest.manifest_takes = std::chrono::hours(24);
    layers.part_takes = minutes(1);
    // Layers first: behind manifests that never come they would not be asked for.
    want(tenant, count - count / 2, layers);
    want(tenant, count / 2, manifest);
  }

  /// From wanted to ready, of all that this tenant has asked for; what is not ready yet took until
  /// now.
  std::vector<int64_t> times_ms(const std::string& tenant) const {
    std::vector<int64_t> all;
    for (const auto& [ref, since] : wanted_) {
      if (ref.ns != tenant) continue;
      auto at = ready_.find(ref);
      all.push_back((at == ready_.end() ? world_.now_ms() : at->second) - since);
    }
    return all;
  }
  bool all_ready(const std::string& tenant) const {
    return std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& asked) {
      return asked.first.ns != tenant || ready_.contains(asked.first);
    });
  }

private:
  void want(const std::string& tenant, size_t count, fake_image image) {
    for (; count > 0; --count) {
      auto number = std::to_string(wanted_.size());
      image_ref where{tenant + ".example", "cache", "t" + number, {}};
      image.manifest.hex = std::string(64 - number.size(), 'a') + number;
      image.kernels = {hip("gfx90a")};
      image.bytes = 80;
      agent_.images.tags[where.str()] = image;
      cache_ref ref{tenant, "c" + number};
      wanted_[ref] = world_.now_ms();
      caf::anon_send(agent_.node(), changed_atom_v, cache_spec{ref, where});
    }
  }

  world world_;
  fake_node node_;
  agent agent_{world_, node_};
  std::map<cache_ref, int64_t> wanted_;
  std::map<cache_ref, int64_t> ready_;
};

int64_t p99(std::vector<int64_t> times) {
  std::sort(times.begin(), times.end());
  return times.at(times.size() * 99 / 100);
}

/// What the modest tenant waits for its caches, over all seeds, beside so many others that have
/// many slow images each and came before.
std::vector<int64_t> modest_times(size_t greedy) {
  std::vector<int64_t> all;
  auto seeds = number_from("GKM_SIM_SEEDS", 60);
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    node_of_tenants node(seed);
    for (size_t i = 0; i < greedy; ++i) node.want_slow("greedy-" + std::to_string(i), 60);
    node.pass(node.chance().between(0, 120'000));
    node.want("modest", 6);
    node.pass(minutes(2));
    auto times = node.times_ms("modest");
    all.insert(all.end(), times.begin(), times.end());
  }
  return all;
}

class fair_pull : public testing::Test {
protected:
  fair_pull() { base::log::configure(base::log::level::off, false); }
};

}  // namespace

TEST_F(fair_pull, a_greedy_tenant_costs_another_no_more_than_as_much_again) {
  auto alone = p99(modest_times(0));
  auto beside = p99(modest_times(1));
  std::cout << "p99 to ready: alone " << alone << " ms, beside a greedy tenant " << beside
            << " ms\n";
  EXPECT_LE(beside, 2 * alone);
}

TEST_F(fair_pull, no_tenant_starves_among_many_slow_ones) {
  constexpr size_t tenants = 20;
  constexpr auto longest_window = node::rate_window * (1 << node::rate_window_doublings_max);
  // Every other tenant may come before it once, for a question and for a transfer.
  constexpr auto bound = node::question_max * (tenants / node::questions_max + 2) +
                         longest_window * (tenants / node::transfers_max + 2);
  int64_t longest_ms = 0;
  for (uint64_t seed = 1; seed <= number_from("GKM_SIM_SEEDS", 10); ++seed) {
    node_of_tenants node(seed);
    for (size_t i = 0; i < tenants; ++i) node.want_slow("slow-" + std::to_string(i), 6);
    // Long enough that every slow image has given way often.
    node.pass(std::chrono::hours(2) + node.chance().between(0, 600'000));
    node.want("modest", 1);
    node.pass(bound);
    ASSERT_TRUE(node.all_ready("modest")) << "replay with seed " << seed;
    for (auto ms : node.times_ms("modest")) longest_ms = std::max(longest_ms, ms);
  }
  std::cout << "longest to ready among " << tenants << " slow tenants: " << longest_ms / 1'000
            << " s\n";
}

}  // namespace gkm::sim
