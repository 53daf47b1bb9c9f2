/// Says when something in a directory changed. A thread that sleeps in the kernel until it does.
#pragma once

#include "base/files.hpp"
#include "messages/errors.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>

struct inotify_event;

namespace gkm::base {

/// What to look at again.
struct directory_changes {
  std::set<std::string> names;  ///< of entries that were written, moved, removed or touched
  bool all = false;             ///< everything: the start, another directory, or events were lost
};

class directory_watch {
public:
  /// `changed` is called from the watch's thread after files were written, moved, removed, touched
  /// or had their modes changed; events that come together make one call. Not recursive. If the
  /// directory itself is replaced, its path is watched anew.
  static result<std::unique_ptr<directory_watch>> start(std::filesystem::path dir,
                                                        std::function<void()> changed);
  /// The same, with the names of what changed. `changed` is called first with `all` set. The
  /// directory need not be there yet.
  static result<std::unique_ptr<directory_watch>> start_named(
      std::filesystem::path dir, std::function<void(directory_changes)> changed);
  ~directory_watch();
  directory_watch(const directory_watch&) = delete;
  directory_watch& operator=(const directory_watch&) = delete;

private:
  directory_watch(std::filesystem::path dir, std::function<void(directory_changes)> changed,
                  fd events, fd wake);
  static result<std::unique_ptr<directory_watch>> make(
      std::filesystem::path dir, std::function<void(directory_changes)> changed);
  bool add();
  void run(bool there);
  bool drain();
  void note(const inotify_event& event);

  const std::filesystem::path dir_;
  const std::function<void(directory_changes)> changed_;
  directory_changes seen_;
  fd events_;
  fd wake_;
  std::thread thread_;
};

}  // namespace gkm::base
