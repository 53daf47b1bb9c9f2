/// Says when files may have appeared, changed or gone, even before the directories on the way to
/// them exist. One thread for all, which sleeps in the kernel; nothing is watched that nobody waits
/// for.
#pragma once

#include "actors/csi/ports.hpp"
#include "base/files.hpp"

#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace gkm::csi {

class record_watch {
public:
  /// `root`, the open directory from which all ways begin, must outlive it.
  static result<std::unique_ptr<record_watch>> make(int root);
  ~record_watch();

  /// Calls `changed` soon, and after every event on the way: the names of the directories and,
  /// last, of the file. Links on the way are not followed. May be called from any thread; `changed`
  /// is called from the watch's own, and must not wait for anything. What it answers must end
  /// before the watch does.
  std::unique_ptr<subscription> add(std::vector<std::string> way, std::function<void()> changed);

private:
  class waiter;
  using waiter_ptr = std::shared_ptr<waiter>;

  record_watch(int root, base::fd events, base::fd wake);
  void run();
  void admit();
  void drain(std::set<waiter_ptr>& touched);
  void note(int watch, const char* name, std::set<waiter_ptr>& touched);
  void follow(const waiter_ptr& w);
  void leave(const waiter_ptr& w, int watch);

  const int root_;
  base::fd events_;
  base::fd wake_;
  std::mutex mutex_;
  std::vector<waiter_ptr> arriving_;
  bool stopping_ = false;
  // The rest belongs to the thread.
  std::set<waiter_ptr> waiters_;
  std::map<int, std::set<waiter_ptr>> watched_;
  std::thread thread_;
};

}  // namespace gkm::csi
