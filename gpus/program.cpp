#include "gpus/program.hpp"

#include "base/program/log.hpp"
#include "base/program/setting_file.hpp"
#include "gpus/drivers/detector.hpp"
#include "gpus/drivers/gpu_events.hpp"
#include "gpus/inventory.hpp"
#include "gpus/inventory_writer.hpp"
#include "gpus/program_settings.hpp"

#include <unistd.h>

#include <csignal>
#include <iostream>

namespace gkm::gpus {
namespace {

namespace log = base::log;

/// A failure may pass, and a GPU may come, without any message.
constexpr std::chrono::minutes safety_pause{5};
constexpr std::chrono::hours for_ever{24 * 20};

int report(const error& e) {
  std::cerr << "gkm-gpu: " << e.message << '\n';
  return not_written;
}

extern "C" void end_at_once(int) { ::_exit(all_told); }

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

/// By itself the first process of a container would not end at all.
void end_on_signals() {
  std::signal(SIGTERM, end_at_once);
  std::signal(SIGINT, end_at_once);
}

/// While a file is half written.
class held_signals {
public:
  held_signals() {
    const auto set = ending_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  ~held_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  held_signals(const held_signals&) = delete;
  held_signals& operator=(const held_signals&) = delete;

private:
  sigset_t before_;
};

class inventory_task {
public:
  explicit inventory_task(const settings& s) : settings_(s), writer_(s.output) {}

  result<detected_gpus> run(detector& drivers) {
    auto found = drivers.look();
    if (found.problems != told_)
      for (const auto& p : found.problems)
        log::warn("A GPU or driver cannot be read", {{"why", p}});
    told_ = found.problems;
    if (auto done = publish(found.gpus); !done) return fail(done.error());
    return found;
  }

  result<void> publish(const std::vector<gpu>& gpus) {
    auto changed = [&] {
      held_signals whole;
      return writer_.write(gpus);
    }();
    if (!changed) return fail(changed.error());
    log::info(*changed ? "Wrote the GPU inventory" : "The GPU inventory is what it was",
              {{"file", settings_.output}, {"gpus", gpus.size()}});
    if (*changed)
      for (const auto& g : gpus)
        log::info("GPU", {{"id", g.id}, {"arch", g.arch_str()}, {"type", g.name}});
    return {};
  }

private:
  const settings& settings_;
  inventory_writer writer_;
  std::vector<std::string> told_;
};

int write_once(const settings& s) {
  detector drivers(s.places, s.limit);
  auto found = inventory_task(s).run(drivers);
  if (!found) return report(found.error());
  return found->problems.empty() ? all_told : part_told;
}

int watch(const settings& s) {
  end_on_signals();
  gpu_events events(s.places.root);
  detector drivers(s.places, s.limit, events.waker());
  inventory_task task(s);
  for (;;) {
    events.watch_anew();
    auto found = task.run(drivers);
    if (!found) return report(found.error());
    const bool sure = events.waits_for_kernel() && found->problems.empty();
    events.wait(sure ? for_ever : safety_pause);
  }
}

int simulate(const settings& s) {
  if (s.watch) end_on_signals();
  log::info("No-GPU mode: the GPUs are simulated");
  if (auto done = inventory_task(s).publish(simulated_inventory()); !done)
    return report(done.error());
  while (s.watch) ::pause();
  return all_told;
}

/// By a thread that leaves signals to the one that writes.
std::unique_ptr<base::setting_file> follow_level(const settings& s, log::level now) {
  held_signals elsewhere;
  return base::follow_level(s.log.config_dir, "gkm.agent.log.level", now);
}

}  // namespace

int run_program(int argc, char** argv) {
  settings s;
  if (auto end = parse_command_line(argc, argv, s)) return *end;
  auto level = base::start_level(s.log);
  if (!level) return report(level.error()), used_wrongly;
  log::configure(*level, s.log.json);
  auto followed = follow_level(s, *level);
  if (s.simulate || no_gpu_mode()) return simulate(s);
  return s.watch ? watch(s) : write_once(s);
}

}  // namespace gkm::gpus
