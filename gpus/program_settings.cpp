#include "gpus/program_settings.hpp"

#include "base/program/program_flags.hpp"
#include "base/program/version.hpp"
#include "gpus/program.hpp"
#include "messages/paths.hpp"

#include <CLI/CLI.hpp>

namespace gkm::gpus {
namespace {

constexpr const char* footer =
    R"(Asks the AMD and NVIDIA drivers which GPUs there are and writes the answer for 'gkm' and its node
agent, who need no access to any device then. AMD's are read from sysfs, NVIDIA's through the
driver's own libnvidia-ml.so.1, which is looked for when needed. A driver that is not there is
normal. One that is there and fails, or hangs, is reported, and the others' GPUs still count.

AMD's GPUs come first, then NVIDIA's, each in the order of their PCI addresses; a GPU that cannot be
read keeps its number free. The file is replaced in one step, and only if it says something new.

With --watch it waits for the kernel's messages about devices and drivers, and for nvidia* in /dev.
It looks by itself, every 5 minutes, only where those messages cannot be had (then it says so), or
as long as some GPU or driver could not be read.

It must be allowed to use the GPUs: as root, in a container as a privileged one. It needs no network.

Examples:
  gkm-gpu                              once, into /run/gkm/gpus.json
  gkm-gpu --watch                      and again whenever GPUs come or go, until SIGTERM
  gkm-gpu --output -                   just show it
  gkm-gpu --watch --root /host --nvml /run/nvidia/driver/usr/lib64/libnvidia-ml.so.1
                                       in a container that sees the machine at /host
  NO_GPU=true gkm-gpu                  two gfx90a GPUs that do not exist, for trying things out

Environment:
  NO_GPU=true        as --simulate
  GKM_CONFIG_DIR     as --config-dir
  GKM_LOG, GO_LOG    log level: debug, info, warn, error, off

Exit codes:
  0 written, or nothing new   1 cannot be written   2 wrong usage
  3 written, but some GPU or driver could not be read: the log says which, why, and what helps)";

void add_flags(CLI::App& app, settings& s, double& limit_s) {
  constexpr double shortest_limit_s = 0.1;
  constexpr double longest_limit_s = 3600;
  app.add_option("-o,--output", s.output, "Where to write; '-' is standard output")
      ->type_name("FILE")
      ->capture_default_str();
  auto* watch = app.add_flag("--watch", s.watch, "Stay, and write again whenever GPUs change");
  app.add_flag_callback(
         "--once", [] {}, "Write once and end; the default")
      ->excludes(watch);
  app.add_flag("--simulate", s.simulate, "Ask no driver: two gfx90a GPUs");
  app.add_option("--root", s.places.root, "What holds the machine's sys, proc and dev")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--nvml", s.places.nvml, "NVIDIA's management library, a name or a path")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--timeout", limit_s, "How long a driver may take to answer")
      ->type_name("SECONDS")
      ->check(CLI::Range(shortest_limit_s, longest_limit_s))
      ->capture_default_str();
  base::add_log_flags(app, s.log, "gkm.agent.log.level");
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, settings& out) {
  using seconds = std::chrono::duration<double>;
  CLI::App app("Writes down which GPUs this machine has.", "gkm-gpu");
  app.footer(footer);
  app.set_version_flag("--version", std::string("gkm-gpu ") + base::version());
  out.output = paths::below("/var/lib/gkm").gpus();
  double limit_s = seconds(out.limit).count();
  add_flags(app, out, limit_s);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? all_told : used_wrongly;
  }
  out.limit = std::chrono::round<std::chrono::milliseconds>(seconds(limit_s));
  return std::nullopt;
}
}  // namespace gkm::gpus
