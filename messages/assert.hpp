/// Assertions of GKM's own invariants, never of outside input, which gets an error value.
///
///   GKM_ASSERT        cheap, in every build: a broken invariant ends the program with its text
///   GKM_ASSERT_SLOW   whatever it costs: where GKM_CHECKED is defined (dev, sanitizers,
///   simulation)
#pragma once

namespace gkm {

/// Prints the condition and where it stands to standard error, then aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace gkm

#define GKM_ASSERT(condition) \
  (static_cast<bool>(condition) ? void() : ::gkm::assertion_failed(#condition, __FILE__, __LINE__))

#ifdef GKM_CHECKED
#define GKM_ASSERT_SLOW(condition) GKM_ASSERT(condition)
#else
#define GKM_ASSERT_SLOW(condition) static_cast<void>(0)
#endif
