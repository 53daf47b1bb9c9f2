// The program's `new` and `delete`, counted. All forms but the over-aligned are here, so that none
// of ours meets one of a sanitizer's.
#include "tests/fuzz/fuzz.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<uint64_t> taken{0};

void* take(size_t bytes) noexcept {
  taken.fetch_add(bytes, std::memory_order_relaxed);
  return std::malloc(bytes == 0 ? 1 : bytes);
}

void* take_or_throw(size_t bytes) {
  if (void* p = take(bytes)) return p;
  throw std::bad_alloc();
}

}  // namespace

namespace gkm::fuzz {
uint64_t allocated_bytes() { return taken.load(std::memory_order_relaxed); }
}  // namespace gkm::fuzz

void* operator new(size_t bytes) { return take_or_throw(bytes); }
void* operator new[](size_t bytes) { return take_or_throw(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return take(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return take(bytes); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
