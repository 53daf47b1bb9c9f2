#include "actors/agent/agent.hpp"
#include "base/program/log.hpp"
#include "base/program/process.hpp"

#include <iostream>

namespace {

constexpr int failure = 1;
constexpr int in_use = 9;

}  // namespace

int main(int argc, char** argv) {
  auto line = gkm::node::read_command_line(argc, argv);
  if (!line.wanted) return line.exit_code;
  gkm::base::log::configure(line.wanted->log_level, line.wanted->log_json);
  gkm::base::keep_memory_small();
  gkm::base::ending_signals ending;
  auto ran = gkm::node::run_agent(*line.wanted, [&ending] {
    auto signal = ending.wait();
    gkm::base::log::info("Ending; caches stay", {{"signal", signal}});
  });
  if (ran) return 0;
  std::cerr << "gkm-agent: " << ran.error().message << '\n';
  return ran.error().code == gkm::errc::busy ? in_use : failure;
}
