/// What is to be done about one cache, as a function of what is known: pure, so that it can be
/// tested as a table. The cache object's actor carries it out.
///
// clang-format off
///   new ──finalizer added──▶ unresolved ──digest──▶ Pending ──every node has it──▶ Extracted ⇄ Running
///                                │ no such image      │ a node failed                  │ new image
///                                ▼                    ▼                                ▼
///                              Error                Error                           Outdated
///   Deleting: waits for the nodes that hold it, then the finalizer goes, and the object with it
// clang-format on
#pragma once

#include "actors/operator/aggregate.hpp"
#include "actors/operator/ports.hpp"
#include "base/pace.hpp"

#include <string_view>
#include <vector>

namespace gkm::op {

/// The finalizer that keeps a cache until no node holds it.

/// What the cache's image came to: a digest, a problem, or neither yet.
struct resolution {
  digest resolved;
  error problem;

  bool operator==(const resolution&) const = default;
};

struct situation {
  const cache_object& cache;
  const resolution& image;
  const aggregate& nodes;  ///< its current digest is that of the wanted status
  bool namespace_ending = false;
  int64_t now_unix_s = 0;
  /// Why it is not served: there are too many. Empty: it is.
  std::string_view refusal{};
  /// Names of pods that have it mounted, some or all; null: nobody knows, or may be told.
  const std::vector<std::string>* pods = nullptr;
};

enum class finalizer_step : uint8_t { keep, add, remove };
finalizer_step finalizer_due(const situation& s);

bool has_finalizer(const cache_object& cache);

/// The digest that the status shall name: the image's, or while that is not known, or nobody is to
/// have it any more, the one before.
digest wanted_digest(const cache_object& cache, const resolution& image);

/// What the status shall be; equal to the one that is there if nothing changed.
cache_object_status status_of(const situation& s);

/// How much the change matters: urgent is what nodes act on and what people wait for, the rest are
/// numbers; mere progress if the cache is pending before and after.
base::pace::kind weigh(const cache_object_status& seen, const cache_object_status& wanted);

/// What people are to be told when one status follows the other.
std::vector<cache_event> events_between(const cache_object& seen,
                                        const cache_object_status& wanted);

/// Does the pinned digest, if there is one, belong to the image? An image that names its own digest
/// knows better than an annotation from before it was changed.
digest wanted_digest(const cache_object& cache);

}  // namespace gkm::op
