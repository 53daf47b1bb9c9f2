/// What `gkm up` shows: one line per change of a cache, and whether all have settled.
#pragma once

#include "cli/cache_files.hpp"
#include "messages/cache.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace gkm::cli {

class console {
public:
  /// `settled` is called once, when every wanted cache is ready or has failed; it may be null.
  /// `dir`: whose files they are, for people; empty: that is not said.
  explicit console(std::function<void()> settled, std::string dir = {});

  // From any thread.
  void wanted(const declared_caches& now);
  void reported(const cache_status& status);
  /// Every wanted cache was ready, and every file could be read.
  bool all_ready() const { return exit_code() == 0; }
  /// 0 if all are ready; else what all failures have in common (exit_code.hpp), or 1.
  int exit_code() const;

private:
  void check();

  void tell_files(const declared_caches& now);

  const std::function<void()> settled_;
  const std::string dir_;
  mutable std::mutex mutex_;
  bool listed_ = false;
  bool told_ = false;  ///< that all have settled
  bool files_ok_ = true;
  std::set<cache_ref> wanted_;
  std::vector<file_problem> told_problems_;
  std::vector<file_problem> told_notes_;
  std::map<cache_ref, cache_status> last_;
};

}  // namespace gkm::cli
