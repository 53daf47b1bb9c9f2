#include "actors/node/cluster/agent.hpp"
#include "base/log.hpp"
#include "base/memory.hpp"

#include <pthread.h>

#include <csignal>
#include <iostream>

namespace {

constexpr int failure = 1;
constexpr int in_use = 9;

/// Blocks them in this and all later threads, for `sigwait`.
sigset_t hold_ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

}  // namespace

int main(int argc, char** argv) {
  auto line = gkm::node::read_command_line(argc, argv);
  if (!line.wanted) return line.exit_code;
  gkm::base::log::configure(line.wanted->log_level, line.wanted->log_json);
  gkm::base::keep_memory_small();
  auto ending = hold_ending_signals();
  auto ran = gkm::node::run_agent(*line.wanted, [&ending] {
    int signal = 0;
    sigwait(&ending, &signal);
    gkm::base::log::info("Ending; caches stay", {{"signal", signal}});
  });
  if (ran) return 0;
  std::cerr << "gkm-agent: " << ran.error().message << '\n';
  return ran.error().code == gkm::errc::busy ? in_use : failure;
}
