/// What a program does about itself: when it ends, how much memory it takes.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>

namespace gkm::base {

/// Every thread that ever allocates would keep an arena of its own; two are plenty for programs
/// that mostly wait. Before the first thread is made.
void keep_memory_small();

/// Raises the limit of open descriptors to the most that this process may have. Only for programs
/// that wait with poll or epoll: select knows 1,024 descriptors.
void use_all_descriptors();

/// The limit that holds now.
size_t descriptors_max();

/// Gives back what starting up or a burst of work has touched and idling does not need: free heap,
/// and the code and constants of program and libraries, which come back from their files when they
/// are used again.
void give_back_memory();

/// SIGTERM and SIGINT, held back in the thread that makes this and in all that it makes later.
class ending_signals {
public:
  ending_signals();
  /// Until one of them comes; which one.
  int wait() const;

private:
  sigset_t set_{};
};

/// Of this process; 0 if the kernel does not tell.
int64_t resident_bytes();
double cpu_seconds();

}  // namespace gkm::base
