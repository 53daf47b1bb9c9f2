/// A deterministic world for actors: one seed decides which ready actor runs next, how long
/// everything takes and what goes wrong; time is virtual. The same seed tells the same story.
#pragma once

#include "messages/actors/caf.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <source_location>
#include <string>

namespace gkm::sim {

using duration = std::chrono::milliseconds;

/// Chance, and faults that chance picks. A site (a line that may fail) is armed per run with a
/// quarter's probability; an armed site fires with a quarter's. So runs differ in what goes wrong,
/// not only when.
class chaos {
public:
  explicit chaos(uint64_t seed) : rng_(seed) {}

  uint64_t draw() { return rng_(); }
  uint64_t below(uint64_t n) { return rng_() % n; }
  bool one_in(uint64_t n) { return below(n) == 0; }
  duration between(int64_t from_ms, int64_t to_ms) {
    return duration(from_ms + static_cast<int64_t>(below(static_cast<uint64_t>(to_ms - from_ms))));
  }

  bool strikes(std::source_location at = std::source_location::current());
  void stop() { on_ = false; }
  uint64_t struck() const { return struck_; }

private:
  std::mt19937_64 rng_;
  std::map<std::pair<std::string, uint32_t>, bool> armed_;
  bool on_ = true;
  uint64_t struck_ = 0;
};

/// An actor system without threads, plus a queue of events of the world outside.
class world {
public:
  explicit world(uint64_t seed);

  caf::actor_system& system() { return system_; }
  sim::chaos& chaos() { return chaos_; }

  /// Milliseconds since the world began.
  int64_t now_ms() const;
  /// Runs `event` after `delay`, whoever has died by then.
  void after(duration delay, std::function<void()> event);

  /// Runs everything that is ready, in the seed's order, until nothing is.
  void settle();
  /// Lets virtual time pass, timers and events in their order. `check` runs whenever all is
  /// settled.
  void run(duration time, const std::function<void()>& check);

  /// Steps so far: a fingerprint of the story, with `chaos().draw()` at its end.
  uint64_t steps() const { return steps_; }

private:
  using clock_time = caf::actor_clock::time_point;
  clock_time next_moment(clock_time limit) const;

  sim::chaos chaos_;
  caf::actor_system_config config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& scheduler_;
  std::multimap<clock_time, std::function<void()>> events_;
  clock_time start_;
  uint64_t steps_ = 0;
};

/// One of the world's processes, or one life of it after another: what its ports have under way
/// ends with the life. Copies are of the same process.
class process {
public:
  process(world& w) : world_(w) {}  // NOLINT(google-explicit-constructor): one that never dies

  sim::chaos& chaos() const { return world_.chaos(); }
  int64_t now_ms() const { return world_.now_ms(); }
  /// Runs `event` after `delay`, unless this life has ended by then.
  void after(duration delay, std::function<void()> event) const;
  void end_life() { ++*life_; }

private:
  world& world_;
  std::shared_ptr<uint64_t> life_ = std::make_shared<uint64_t>(1);
};

}  // namespace gkm::sim
