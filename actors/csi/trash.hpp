/// What a pod wrote, on its way out: renamed at once, deleted when there is time.
#pragma once

#include "base/files.hpp"
#include "base/worker_pool.hpp"

#include <functional>
#include <string>

namespace gkm::csi {

class trash {
public:
  /// `dir`, in which discarded trees lie under names that begin with a dot, must outlive it.
  explicit trash(int dir) : dir_(dir) {}

  /// Takes the tree `name` away by one rename; calls `gone` when it is deleted, from another
  /// thread. Nothing there is success.
  result<void> discard(const std::string& name, std::function<void()> gone = {});
  /// Deletes what was discarded before: an entry whose name begins with a dot.
  void resume(const std::string& name, std::function<void()> gone = {});

private:
  const int dir_;
  base::worker_pool deletions_{1};
};

/// Deletes the tree `name` in the open directory `dir` without following links, however deep it is.
/// On the way, directories are renamed to `.<random>` in `dir`.
result<void> delete_tree(int dir, const std::string& name);

}  // namespace gkm::csi
