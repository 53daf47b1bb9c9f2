/// Says when something in a directory changed. A thread that sleeps in the kernel until it does.
#pragma once

#include "base/files.hpp"
#include "messages/errors.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <thread>

namespace gkm::base {

class directory_watch {
public:
  /// `changed` is called from the watch's thread after files were written, moved, removed, touched
  /// or had their modes changed; events that come together make one call. Not recursive. If the
  /// directory itself is replaced, its path is watched anew.
  static result<std::unique_ptr<directory_watch>> start(std::filesystem::path dir,
                                                        std::function<void()> changed);
  ~directory_watch();
  directory_watch(const directory_watch&) = delete;
  directory_watch& operator=(const directory_watch&) = delete;

private:
  directory_watch(std::filesystem::path dir, std::function<void()> changed, fd events, fd wake);
  bool add();
  void run();
  bool drain();

  const std::filesystem::path dir_;
  const std::function<void()> changed_;
  fd events_;
  fd wake_;
  std::thread thread_;
};

}  // namespace gkm::base
