/// Ctrl-C and SIGTERM as values instead of sudden ends.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>

namespace gkm::cli {

/// From its making on, SIGINT and SIGTERM are blocked in this and all later threads, and one that
/// comes makes a thread of this object request the stop; a second one ends the process. Make it
/// before any other thread.
class interrupt {
public:
  interrupt();
  ~interrupt();
  interrupt(const interrupt&) = delete;
  interrupt& operator=(const interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  /// Ends `wait` as a signal would.
  void raise() { source_.request_stop(); }
  /// Sleeps until a signal came or somebody raised one.
  void wait() const;

private:
  std::stop_source source_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace gkm::cli
