/// What a cluster says of its caches, as the objects that GKM's programs write tell it: which
/// caches there are, and what each node holds of them.
#pragma once

#include "messages/node_report.hpp"

#include <compare>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gkm::cli {

/// What one node says of one cache, by digest.
using node_entries = std::map<digest, report_entry>;

/// A line that people see: a cache on a node, or as a whole (no node).
struct line_key {
  cache_ref cache;
  std::string node;

  auto operator<=>(const line_key&) const = default;
};

class cluster_snapshot {
public:
  /// Of the reports only what concerns caches of this name is kept; empty: of all.
  explicit cluster_snapshot(std::string only = {}) : only_(std::move(only)) {}

  void put(cache_object cache);
  void drop(const cache_ref& cache);
  void put(node_report report);
  /// The report of this node about this namespace's caches is gone.
  void drop_report(const std::string& ns, const std::string& node);

  const std::map<cache_ref, cache_object>& caches() const { return caches_; }
  /// By node; empty if no node says anything of it.
  const std::map<std::string, node_entries>& on_nodes(const cache_ref& cache) const;
  /// Empty if the node has none, or did not say.
  const std::vector<gpu_group>& gpus_of(const std::string& node) const;

  /// From now on it is remembered which lines change. A change costs the same however many caches
  /// and nodes there are.
  void begin_changes() { remembers_ = true; }
  std::set<line_key> take_changes() { return std::exchange(changes_, {}); }
  bool has_changes() const { return !changes_.empty(); }

private:
  void touch(const cache_ref& cache, const std::string& node);

  std::string only_;
  std::map<cache_ref, cache_object> caches_;
  std::map<cache_ref, std::map<std::string, node_entries>> holdings_;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> reported_;  ///< cache names
  std::map<std::string, std::vector<gpu_group>> gpus_;
  bool remembers_ = false;
  std::set<line_key> changes_;
};

}  // namespace gkm::cli
