/// What benchmarks write down, and what they read of processes.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <string>
#include <vector>

namespace gkm::bench {

/// Adds lines to the file that bench-report reads: label, a figure, processor seconds, KiB.
class samples {
public:
  explicit samples(const std::string& file);
  ~samples();
  samples(const samples&) = delete;
  samples& operator=(const samples&) = delete;

  void add(const std::string& label, double value, long kib = 0, double cpu_s = 0);
  /// The median as `label`, the 99th percentile as `label`-p99.
  void add_calls(const std::string& label, const std::vector<double>& times);

private:
  std::FILE* out_;
};

double quantile(std::vector<double> all, double q);

long resident_kib(pid_t pid);
/// Context switches of all threads so far.
long switches(pid_t pid);
/// Of all threads that there are, so far.
double cpu_seconds(pid_t pid);

/// Runs it, its output dropped, and returns as soon as it has ended. A failure is one of `die`.
void run_quietly(const std::vector<std::string>& command);

/// Throws, for `main` to say so: what was made is taken away on the way.
[[noreturn]] void die(const std::string& text);

}  // namespace gkm::bench
