/// How far a transfer is: a bar that redraws itself on a terminal, a line now and then otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gkm::cli {

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
