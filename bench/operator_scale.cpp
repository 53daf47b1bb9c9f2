/// What an operator costs with many nodes: the real actors in the simulated world, every node with
/// every cache, until each status is right. Virtual time; the processor time and memory are real,
/// and hold the simulated API and agents, too.
#include "base/program/log.hpp"
#include "tests/support/sim/sim_nodes.hpp"

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

namespace gkm::sim {
namespace {

double cpu_s(const timeval& t) {
  constexpr double us_in_s = 1e6;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / us_in_s;
}

bool is_settled(const sim_api& api, size_t nodes) {
  for (const auto& [ref, c] : api.caches) {
    const auto* ready = find_condition(c.status.conditions, "Ready");
    if (!ready || ready->status != condition_status::yes || c.status.counts.nodes != nodes)
      return false;
  }
  return true;
}

int measure(size_t nodes, size_t caches) {
  base::log::configure(base::log::level::error, false);
  world w(1);
  w.chaos().stop();
  sim_api api(w);
  sim_nodes agents(api);
  operator_life op(api, 1);
  op.set_leading(true);
  for (size_t i = 0; i < nodes; ++i) agents.join("node-" + std::to_string(i), true);
  w.run(duration(10'000), [] {});
  for (size_t i = 0; i < caches; ++i) {
    cache_object c;
    c.ref = {"", "cache-" + std::to_string(i)};
    c.image = "registry.example/cache:" + std::to_string(i);
    c.admitted_digest.hex = std::string(60, 'c') + std::to_string(1'000 + i);
    api.put(c);
  }
  w.run(duration(1'000), [] {});
  for (const auto& [ref, c] : api.caches) agents.wake_all(ref);
  int seconds = 0;
  constexpr int seconds_max = 60;
  while (!is_settled(api, nodes) && ++seconds < seconds_max) w.run(duration(1'000), [] {});
  uint32_t most_writes = 0;
  for (const auto& [ref, n] : api.writes) most_writes = std::max(most_writes, n);
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  std::printf("%zu nodes x %zu caches: %s after %d s of virtual time, %llu reports\n", nodes,
              caches, is_settled(api, nodes) ? "right" : "NOT RIGHT", seconds,
              static_cast<unsigned long long>(api.reported));
  std::printf("cpu %.1f s, peak memory %ld MB, at most %u writes per cache\n",
              cpu_s(used.ru_utime) + cpu_s(used.ru_stime), used.ru_maxrss / 1024, most_writes);
  return is_settled(api, nodes) ? 0 : 1;
}

}  // namespace
}  // namespace gkm::sim

int main(int argc, char** argv) {
  size_t nodes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000;
  size_t caches = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 50;
  return gkm::sim::measure(nodes, caches);
}
