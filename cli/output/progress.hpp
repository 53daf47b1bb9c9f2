/// How far a transfer is: a bar that redraws itself on a terminal, a line now and then otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace gkm::cli {

/// One line for a terminal: what is being done, a bar, bytes, and how long the rest takes. Without
/// room for all, the bar is shorter or left out; never wider than `columns`.
std::string progress_line(std::string_view label, uint64_t done_bytes, uint64_t total_bytes,
                          double seconds, size_t columns);

class progress_bar {
public:
  /// Writes to standard error.
  explicit progress_bar(std::string label);
  ~progress_bar();

  /// From one thread at a time; draws at most ten times a second, without a terminal every five
  /// seconds.
  void update(uint64_t done_bytes, uint64_t total_bytes);

private:
  const std::string label_;
  const bool terminal_;
  const std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
  bool visible_ = false;
};

}  // namespace gkm::cli
