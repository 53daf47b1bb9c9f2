/// What a pod wrote, on its way out: renamed at once, deleted when there is time.
#pragma once

#include "base/files.hpp"
#include "base/worker_pool.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace gkm::csi {

/// What cannot be deleted, for example because a process still writes there, is tried again: after
/// a pause that doubles each time, and with whatever is discarded later.
class trash {
public:
  static constexpr unsigned pauses_max = 10;

  /// `dir`, in which discarded trees lie under names that begin with a dot, must outlive it.
  explicit trash(int dir, std::chrono::milliseconds first_pause = std::chrono::milliseconds{500})
      : dir_(dir), first_pause_(first_pause) {}
  /// Waits for nothing but the deletion of one tree.
  ~trash();

  /// Takes the tree `name` away by one rename; calls `gone` when it is deleted, from another
  /// thread. Nothing there is success.
  result<void> discard(const std::string& name, std::function<void()> gone = {});
  /// Deletes what was discarded before: an entry whose name begins with a dot.
  void resume(const std::string& name, std::function<void()> gone = {});
  /// Waits until what was discarded before is deleted, or could not be.
  void finish() { deletions_.finish(); }

private:
  struct tree {
    std::vector<std::string> names;  ///< what is left of it in the directory
    std::function<void()> gone;
  };

  result<void> try_to_delete(tree& t);
  void try_again();
  void pause();

  const int dir_;
  const std::chrono::milliseconds first_pause_;
  std::vector<tree> stuck_;  ///< the deletions' own, like the pauses
  unsigned pauses_ = 0;      ///< since something got stuck
  bool is_pausing_ = false;
  std::mutex mutex_;
  std::condition_variable end_;
  bool is_ending_ = false;
  base::worker_pool pauses_pool_{1};
  base::worker_pool deletions_{1};
};

/// Deletes the trees `names` in the open directory `dir` without following links, however deep they
/// are. On the way, directories are renamed to `.<random>` in `dir`. After an error `names` are
/// what is left.
result<void> delete_trees(int dir, std::vector<std::string>& names);

}  // namespace gkm::csi
