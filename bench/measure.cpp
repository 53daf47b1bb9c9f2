/// bench-measure: runs one command and adds a line to a file: what was run, how long it took, the
/// processor time and the peak memory of it and the children it waited for.
#include <CLI/CLI.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct usage {
  double wall_s = 0;
  double cpu_s = 0;
  long peak_kib = 0;
  int exit_code = 0;
};

double seconds(const timeval& t) {
  constexpr double micro = 1e-6;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * micro;
}

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  std::fprintf(stderr, "bench-measure: Cannot run '%s': %s\n", argv[0], std::strerror(errno));
  constexpr int not_found = 127;
  ::_exit(not_found);
}

usage run(const std::vector<std::string>& command) {
  const auto start = std::chrono::steady_clock::now();
  const auto child = ::fork();
  if (child == 0) become(command);
  int status = 0;
  rusage used{};
  while (::wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  constexpr int killed = 128;
  return {wall.count(), seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss,
          WIFEXITED(status) ? WEXITSTATUS(status) : killed + WTERMSIG(status)};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs a command and records its time and memory"};
  app.prefix_command();
  std::string out;
  std::string label;
  app.add_option("--out", out, "The file to add a line to: label, wall s, cpu s, peak KiB")
      ->required();
  app.add_option("--label", label, "What to call it there")->required();
  app.footer("Example: bench-measure --out times.tsv --label copy cp -r a b");
  CLI11_PARSE(app, argc, argv);
  const auto command = app.remaining();
  if (command.empty()) {
    std::fprintf(stderr, "bench-measure: Cannot measure: no command\n");
    return 2;
  }
  const auto used = run(command);
  if (used.exit_code != 0) {
    std::fprintf(stderr, "bench-measure: '%s' ended with exit code %d\n", label.c_str(),
                 used.exit_code);
    return used.exit_code;
  }
  auto* file = std::fopen(out.c_str(), "a");
  if (!file) {
    std::fprintf(stderr, "bench-measure: Cannot open '%s': %s\n", out.c_str(),
                 std::strerror(errno));
    return 1;
  }
  std::fprintf(file, "%s\t%.6f\t%.6f\t%ld\n", label.c_str(), used.wall_s, used.cpu_s,
               used.peak_kib);
  return std::fclose(file) == 0 ? 0 : 1;
}
