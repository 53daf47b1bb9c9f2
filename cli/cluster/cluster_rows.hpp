/// What people see of caches in a cluster, as pure functions of what its objects say.
#pragma once

#include "cli/cluster/cluster_snapshot.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::cli {

/// The names are those of the conditions in node reports.
enum class node_state : uint8_t {
  unknown,
  extracted,
  running,
  outdated,
  pending,
  error,
  unload_error,
};
std::string_view to_string(node_state s);

/// Where a digest stands on a node, and the condition that says so (null: none that is known does).
struct standing {
  node_state state = node_state::unknown;
  const condition* why = nullptr;
};
standing standing_of(const report_entry& entry);

/// A pod that has a digest mounted, once however many volumes it has.
struct row_pod {
  std::string ns;
  std::string name;
  bool old = false;  ///< an earlier digest than the cache's

  auto operator<=>(const row_pod&) const = default;
};

/// A cache as a whole (no node), or on one node.
struct cluster_row {
  cache_ref cache;
  std::string node;
  std::string state;    ///< of a whole: the reason of Ready
  std::string message;  ///< for people; empty where there is nothing to say
  bool good = false;    ///< can be used: of a whole, wherever it shall be
  bool bad = false;     ///< needs somebody to help
  digest held;          ///< of a whole: what nodes shall have
  std::vector<digest> old;
  std::optional<uint64_t> gpus_fit;  ///< none: nobody can tell (yet)
  uint64_t gpus = 0;
  std::vector<row_pod> pods;  ///< of a node, in order
  uint64_t pods_now = 0;
  uint64_t pods_old = 0;
  uint64_t nodes_ready = 0;  ///< of a whole
  uint64_t nodes = 0;        ///< of a whole
  uint64_t bytes = 0;
  int64_t since_unix_s = 0;  ///< 0: not said

  bool operator==(const cluster_row&) const = default;
};

cluster_row node_row(const cache_object& cache, const std::string& node,
                     const node_entries& entries);
/// `on_nodes`: its lines of nodes.
cluster_row whole_row(const cache_object& cache, const std::vector<cluster_row>& on_nodes);

/// A cache's whole, then its nodes by name.
std::vector<cluster_row> rows_of(const cluster_snapshot& picture, const cache_object& cache);
/// Those of all caches, in the order of their names.
std::vector<cluster_row> rows_of(const cluster_snapshot& picture);

}  // namespace gkm::cli
