#include "tests/support/sim/sim_world.hpp"

#include "messages/actors/interfaces.hpp"

#include <algorithm>

namespace gkm::sim {
namespace {

caf::actor_system_config& deterministic(caf::actor_system_config& config) {
  configure(config, 1);
  config.set("scheduler.policy", caf::atom("testing"));
  config.add_message_types<caf::id_block::gkm>();
  return config;
}

}  // namespace

bool chaos::strikes(std::source_location at) {
  if (!on_) return false;
  auto [site, fresh] = armed_.try_emplace({at.file_name(), at.line()}, false);
  if (fresh) site->second = one_in(4);
  if (!site->second || !one_in(4)) return false;
  ++struck_;
  return true;
}

world::world(uint64_t seed)
    : chaos_(seed),
      system_(deterministic(config_)),
      scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())),
      start_(scheduler_.clock().now()) {}

int64_t world::now_ms() const {
  return std::chrono::duration_cast<duration>(scheduler_.clock().now() - start_).count();
}

void world::after(duration delay, std::function<void()> what) {
  events_.emplace(scheduler_.clock().now() + delay, std::move(what));
}

void world::settle() {
  auto& jobs = scheduler_.jobs;
  while (!jobs.empty()) {
    std::swap(jobs[0], jobs[chaos_.below(jobs.size())]);
    scheduler_.run_once();
    ++steps_;
  }
}

world::clock_time world::next_moment(clock_time limit) const {
  auto next = limit;
  if (!events_.empty()) next = std::min(next, events_.begin()->first);
  const auto& timers = scheduler_.clock().schedule();
  if (!timers.empty()) next = std::min(next, timers.begin()->first);
  return next;
}

void world::run(duration time, const std::function<void()>& check) {
  auto end = scheduler_.clock().now() + time;
  for (;;) {
    settle();
    check();
    auto now = scheduler_.clock().now();
    if (now >= end) return;
    auto next = std::max(next_moment(end), now);
    scheduler_.advance_time(next - now);
    settle();
    while (!events_.empty() && events_.begin()->first <= next) {
      auto due = std::move(events_.extract(events_.begin()).mapped());
      due();
      settle();
    }
  }
}

void process::after(duration delay, std::function<void()> event) const {
  world_.after(delay, [event = std::move(event), life = life_, begun = *life_] {
    if (*life == begun) event();
  });
}

}  // namespace gkm::sim
