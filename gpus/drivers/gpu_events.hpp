/// Wakes whoever waits when GPUs or their drivers may have come or gone: the kernel's own messages,
/// and the nodes in /dev that NVIDIA's driver makes without one.
#pragma once

#include "base/files.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>

namespace gkm::gpus {

class gpu_events {
public:
  /// From here on nothing is missed, as long as `waits_for_kernel`.
  explicit gpu_events(std::filesystem::path root);

  /// False if the kernel's messages cannot be had here: then look again now and then.
  bool waits_for_kernel() const { return bool(kernel_); }
  /// Wakes the one who waits, from any thread, even after this object has gone.
  std::function<void()> waker() const;

  /// Watches directories that have appeared since. Call it before each look.
  void watch_anew();
  /// Returns when something happened and things have come to rest, or when that time has passed. A
  /// handled signal does not end it.
  void wait(std::chrono::milliseconds at_most);

private:
  bool drain();
  bool drain_kernel();
  bool drain_files();
  bool sleep(int timeout_ms);

  struct watched {
    std::filesystem::path dir;
    bool nvidia_only;
  };
  const std::filesystem::path root_;
  base::fd kernel_;
  base::fd files_;
  std::shared_ptr<base::fd> wake_;
  std::map<int, watched> directories_;
};

}  // namespace gkm::gpus
