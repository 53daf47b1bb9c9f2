#include "base/program/process.hpp"

#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <string_view>

namespace gkm::base {

namespace {

/// What is never written is the same in the file.
int drop_constant_parts(dl_phdr_info* library, size_t, void*) {
  constexpr std::string_view kernels_own = "linux-vdso";
  if (std::string_view(library->dlpi_name).starts_with(kernels_own)) return 0;
  auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (ElfW(Half) i = 0; i < library->dlpi_phnum; ++i) {
    const auto& part = library->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    auto begin = (library->dlpi_addr + part.p_vaddr) & ~(page - 1);
    auto end = library->dlpi_addr + part.p_vaddr + part.p_memsz;
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void keep_memory_small() { ::mallopt(M_ARENA_MAX, 2); }

void use_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

size_t descriptors_max() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

void give_back_memory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(&drop_constant_parts, nullptr);
}

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
