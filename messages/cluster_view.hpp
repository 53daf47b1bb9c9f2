/// What the operator's actors tell each other about nodes and what they hold: no more of a report
/// or a Node than the view of a cache is made of.
#pragma once

#include "messages/node_report.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
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
  std::string name;
  bool alive = false;   ///< it exists, and has not been NotReady for long
  bool wanted = false;  ///< alive, runs an agent, and matches the cache's node selector
  bool has_gpu = false;

  bool operator==(const node_standing&) const = default;

  static constexpr auto type = "node_standing";
  static constexpr auto fields() {
    return std::tuple{&node_standing::name, &node_standing::alive, &node_standing::wanted,
                      &node_standing::has_gpu};
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

}  // namespace gkm
