/// Which caches the operator serves: so many for each namespace, so many in all, and no more than
/// it has memory for. A cache that nodes already have is served whatever the limits say, so that
/// nothing changes for it when others come. Pure; of the caches actor.
#pragma once

#include "messages/cache.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gkm::op {

/// ClusterGKMCaches count as a namespace of their own.
inline constexpr size_t caches_per_namespace_max = 1'000;
inline constexpr size_t caches_max = 10'000;
/// One for each cache on each node that runs an agent, about 110 bytes each.
inline constexpr size_t rows_max = 1'250'000;

class served_caches {
public:
  /// `must`: nodes have it already, or it is to go. True if it is served from now on, and was not.
  bool add(const cache_ref& ref, bool must);
  void remove(const cache_ref& ref);
  bool contains(const cache_ref& ref) const { return served_.contains(ref); }
  /// Lets in those that wait for a place, in order of names. The caller serves them.
  std::vector<cache_ref> admit(size_t nodes);
  /// Why it is not served, and what helps; empty if it is.
  std::string refusal(const cache_ref& ref, size_t nodes) const;

private:
  size_t served_in(const std::string& ns) const;
  bool is_full(size_t nodes) const;

  std::set<cache_ref> served_, waiting_;
  std::map<std::string, size_t> by_namespace_;  ///< of those that are served
};

}  // namespace gkm::op
