/// What `gkm up` shows: one line per change of a cache, and whether all have settled.
#pragma once

#include "cli/cache_files.hpp"
#include "messages/cache.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace gkm::cli {

class console {
public:
  /// `settled` is called once, when every wanted cache is ready or has failed; it may be null.
  explicit console(std::function<void()> settled);

  // From any thread.
  void wanted(const wanted_caches& now);
  void reported(const cache_status& status);
  /// Every wanted cache was ready, and every file could be read.
  bool all_ready() const;

private:
  void check();

  const std::function<void()> settled_;
  mutable std::mutex mutex_;
  bool listed_ = false;
  bool told_ = false;  ///< that all have settled
  bool files_ok_ = true;
  std::set<cache_ref> wanted_;
  std::map<cache_ref, cache_status> last_;
};

}  // namespace gkm::cli
