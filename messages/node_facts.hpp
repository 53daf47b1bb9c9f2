/// What the operator's actors tell each other about nodes and what they hold: no more of a report
/// or a Node than the view of a cache is made of.
#pragma once

#include "messages/node_report.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace gkm {

/// What counts of a Node object.
struct node_facts {
  std::string name;
  std::map<std::string, std::string> labels;
  bool ready = false;
  int64_t not_ready_since_unix_s = 0;  ///< 0: ready, or nobody said

  bool operator==(const node_facts&) const = default;

  static constexpr auto type = "node_facts";
  static constexpr auto fields() {
    return std::tuple{&node_facts::name, &node_facts::labels, &node_facts::ready,
                      &node_facts::not_ready_since_unix_s};
  }
};

/// What a node is to one cache.
struct node_standing {
  bool alive = false;   ///< it exists, and has neither been NotReady nor silent for long
  bool wanted = false;  ///< alive, runs an agent, and matches the cache's node selector
  bool has_gpu = false;

  bool operator==(const node_standing&) const = default;

  static constexpr auto type = "node_standing";
  static constexpr auto fields() {
    return std::tuple{&node_standing::alive, &node_standing::wanted, &node_standing::has_gpu};
  }
};

enum class hold_state : uint8_t { pending, extracted, error, unload_error };

/// One digest of one cache on one node.
struct digest_hold {
  digest resolved;  ///< as the cache's status named it when the node was told
  hold_state state = hold_state::pending;
  bool fits = true;     ///< false: no GPU of the node can use it
  uint32_t pods = 0;    ///< that have it mounted, each once
  std::string reason;   ///< of an error, one word in CamelCase
  std::string message;  ///< of an error, for people

  bool operator==(const digest_hold&) const = default;

  static constexpr auto type = "digest_hold";
  static constexpr auto fields() {
    return std::tuple{&digest_hold::resolved, &digest_hold::state,  &digest_hold::fits,
                      &digest_hold::pods,     &digest_hold::reason, &digest_hold::message};
  }
};

/// All that one node holds of one cache; nothing if it holds nothing.
struct node_holding {
  std::vector<digest_hold> digests;

  bool empty() const { return digests.empty(); }
  bool operator==(const node_holding&) const = default;

  static constexpr auto type = "node_holding";
  static constexpr auto fields() { return std::tuple{&node_holding::digests}; }
};

/// What a report says of one cache.
node_holding summarize(const std::map<digest, report_entry>& entries);

/// What counts of a report.
struct report_summary {
  std::string ns;       ///< empty: a ClusterGKMCacheNode
  std::string node;     ///< its name
  bool filled = false;  ///< a report is created first and filled in then
  bool has_gpu = false;
  int64_t renewed_unix_s = 0;                                ///< as node_report has it
  std::vector<std::pair<std::string, node_holding>> caches;  ///< in order of names; none is empty
  std::string pull_secret_key;                               ///< as node_report has it

  bool operator==(const report_summary&) const = default;

  static constexpr auto type = "report_summary";
  static constexpr auto fields() {
    return std::tuple{&report_summary::ns,
                      &report_summary::node,
                      &report_summary::filled,
                      &report_summary::has_gpu,
                      &report_summary::renewed_unix_s,
                      &report_summary::caches,
                      &report_summary::pull_secret_key};
  }
};

report_summary summarize(const node_report& report);

// There is one of these for every cache on every node: equal ones are one object that never
// changes.
using shared_text = std::shared_ptr<const std::string>;
using shared_holding = std::shared_ptr<const node_holding>;

/// A node as one cache sees it.
struct node_row {
  shared_text node;  ///< its name
  node_standing standing;
  shared_holding holding;  ///< null: it holds nothing
};

}  // namespace gkm
