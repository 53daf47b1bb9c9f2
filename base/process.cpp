#include "base/process.hpp"

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace gkm::base {

void keep_memory_small() { ::mallopt(M_ARENA_MAX, 2); }

ending_signals::ending_signals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGINT);
  sigaddset(&set_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
}

int ending_signals::wait() const {
  int signal = 0;
  sigwait(&set_, &signal);
  return signal;
}

int64_t resident_bytes() {
  long pages = 0;
  if (auto* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return int64_t{pages} * ::sysconf(_SC_PAGESIZE);
}

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  constexpr double ns_in_s = 1e9;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / ns_in_s;
}

}  // namespace gkm::base
