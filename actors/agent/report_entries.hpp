/// What a node's report says of one cache, as a function of what the node knows: pure, so that it
/// can be tested as a table.
///
// clang-format off
///   wanted ──▶ Pending ──▶ Extracted ⇄ Running          (the digest that is wanted)
///                 └──────▶ Error
///   served or mounted, but another is wanted by now ──▶ Outdated
///   mounted, and nobody wants the cache any more ─────▶ Running
///   neither wanted, nor served, nor mounted ──────────▶ no entry
// clang-format on
#pragma once

#include "messages/node_report.hpp"

#include <map>
#include <optional>
#include <string>

namespace gkm::node {

/// A cache's digests in a report, as the API names them: an index's digest if the image is one.
using report_entries = std::map<digest, report_entry>;

/// What was learned of a manifest when it was served.
struct manifest_facts {
  digest resolved;
  uint64_t bytes = 0;
  match_result match;

  bool operator==(const manifest_facts&) const = default;
};

/// All that the node knows of one cache.
struct cache_view {
  std::optional<cache_spec> wanted;
  std::optional<cache_status> status;               ///< as its actor said last
  std::map<std::string, mounted_volume> volumes{};  ///< by id
  std::map<digest, manifest_facts> facts{};         ///< by manifest

  bool empty() const { return !wanted && !status && volumes.empty(); }
};

/// Takes the status over, and what it tells of the manifest that is served; forgets manifests that
/// are neither served nor mounted.
void learn(cache_view& view, const cache_status& status);

/// `seen` is what the report says of the cache now, `waiting_for` why nothing has begun, for
/// people. Everything is in it, however much: fit() makes a report of it. The times are not, but
/// for what is taken over from `seen`: put_times() is due.
report_entries entries_of(const cache_view& view, const report_entries& seen,
                          const std::string& waiting_for);

/// What says the same as before keeps its times.
void put_times(report_entries& entries, const report_entries& seen, int64_t now_unix_s);

/// The condition that is true: "Extracted". Empty if none is.
std::string_view state_of(const report_entry& entry);

/// Of a whole report, before anything is left out of it.
cache_counts counts_of(const std::map<std::string, report_entries>& caches);

/// Does the change concern what people and the operator wait for? Else it is only words, or says
/// that something has begun.
bool is_urgent(const node_report& seen, const node_report& wanted);

}  // namespace gkm::node
