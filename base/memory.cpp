#include "base/memory.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

namespace gkm::base {
namespace {

constexpr int arenas = 2;  // plenty for what runs here

/// A library's parts that are never written are the same as in its file.
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

void keep_memory_small() { ::mallopt(M_ARENA_MAX, arenas); }

void give_back_memory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(&drop_constant_parts, nullptr);
}

}  // namespace gkm::base
