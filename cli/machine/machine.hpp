/// What there is on this machine, as its state directory tells: caches, what is mounted, mistakes
/// in files.
#pragma once

#include "cli/cache_files.hpp"
#include "messages/paths.hpp"
#include "messages/volume.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace gkm::cli {

/// What of it is asked for; empty: all.
struct machine_selection {
  std::string name;  ///< NAME or NAMESPACE/NAME
  std::string ns;

  bool has(const cache_ref& ref) const;
};

/// A mount of `gkm mount` that is there now.
struct machine_mount {
  std::string path;
  cache_ref ref;
  digest manifest;
  view_kind view = view_kind::overlay;
  int64_t since_unix_s = 0;

  bool operator==(const machine_mount&) const = default;
};

struct machine_state {
  bool running = false;  ///< a 'gkm up' or gkm-agent looks after it
  std::vector<cache_status> caches;
  std::vector<machine_mount> mounts;
  std::vector<file_problem> problems;
  std::vector<std::string> notes;  ///< what could not be read, and why

  /// By name: a cache that is not mounted any more does not count as in use.
  std::vector<machine_mount> mounts_of(const cache_ref& ref) const;
};

machine_state read_machine(const paths& where, const machine_selection& what);

/// Sleeps until something that `read_machine` reads may have changed.
class machine_watch {
public:
  explicit machine_watch(paths where);
  ~machine_watch();

  /// False if nothing has changed in that time.
  bool wait(std::chrono::milliseconds at_most);

private:
  struct impl;
  void follow();
  std::unique_ptr<impl> impl_;
};

}  // namespace gkm::cli
