/// The bridge of a machine without Kubernetes: what is wanted comes from a directory of YAML files.
///
///   watch thread: something changed ──▶ reads all files ──▶ bridge actor: compares ──▶ node
/// The files are small and few; what reaches the node is only what changed, and every file that was
/// written again is looked at again (a tag may have moved).
#pragma once

#include "cli/cache_files.hpp"
#include "messages/actors/interfaces.hpp"

#include <functional>
#include <memory>

namespace gkm::base {
class directory_watch;
class worker_pool;
}  // namespace gkm::base

namespace gkm::cli {

/// The bridge hears only its own continuations.
using bridge_actor = caf::typed_actor<handles<void, run_atom, continuation>>;

/// One reading of the directory.
struct listing {
  std::map<std::string, cache_file> files;
  std::map<std::string, int64_t> written_ns;  ///< modification times, to see a touch
};

class directory_bridge {
public:
  using handle = bridge_actor;
  static constexpr const char* name = "bridge";

  /// Told, in the actor's turn, whenever the wanted set or the problems were read anew.
  using observer = std::function<void(const declared_caches&)>;

  directory_bridge(bridge_actor::pointer self, std::filesystem::path dir, node_actor node,
                   base::worker_pool& disk, observer observe);
  ~directory_bridge();
  bridge_actor::behavior_type make_behavior();

private:
  void learned(const result<listing>& seen);

  bridge_actor::pointer self_;
  std::filesystem::path dir_;
  node_actor node_;
  base::worker_pool& disk_;
  observer observe_;
  declared_caches wanted_;
  std::map<std::string, int64_t> written_ns_;
  bool synced_ = false;
  std::unique_ptr<base::directory_watch> watch_;
};

}  // namespace gkm::cli
