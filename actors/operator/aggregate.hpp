/// What all nodes together are to one cache. Kept by difference: one change of one node costs the
/// same however many nodes there are. There is a row for a node that shall have the cache or says
/// something of it, and for no other.
#pragma once

#include "actors/operator/listed_nodes.hpp"
#include "messages/node_facts.hpp"

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gkm::op {

class aggregate {
public:
  aggregate() = default;
  aggregate(const aggregate&) = delete;
  aggregate& operator=(const aggregate&) = delete;

  /// In the place of what that node was before.
  void set(const node_row& now);
  /// The digest that nodes shall have now. Looks at every node, and is rare.
  void set_current(const digest& resolved);

  const cache_counts& counts() const { return counts_; }
  /// Nodes that shall have it and can use it: those that do, those that do not yet, those that
  /// failed.
  uint32_t ready() const { return ready_; }
  const listed_nodes& waiting() const { return lists_[waiting_list]; }
  const listed_nodes& failed() const { return lists_[failed_list]; }
  /// Nodes that run an agent and match, but have no GPU for it.
  const listed_nodes& unfit() const { return lists_[unfit_list]; }
  /// Alive nodes that hold any digest; those where a pod has it mounted; that cannot let it go.
  const listed_nodes& holding() const { return lists_[holding_list]; }
  const listed_nodes& mounted() const { return lists_[mounted_list]; }
  const listed_nodes& stuck() const { return lists_[stuck_list]; }
  /// Why a node failed, is unfit or stuck; empty if it did not say.
  std::string why(const shared_text& node) const;

  size_t rows() const { return rows_.size(); }
  /// How often a node was looked at so far: the work that was done.
  uint64_t looks() const { return looks_; }

private:
  enum list : uint8_t {
    waiting_list,
    failed_list,
    unfit_list,
    holding_list,
    mounted_list,
    stuck_list,
    list_count
  };
  using membership = std::array<bool, list_count>;
  struct row {
    shared_holding holding;
    node_standing standing;
    membership is_in{};
  };
  /// What one node adds to the whole.
  struct share {
    cache_counts counts;
    bool ready = false;
    membership is_in{};
  };
  // The same name may come as another object.
  struct hashed {
    size_t operator()(const shared_text& name) const { return std::hash<std::string>{}(*name); }
  };
  struct equal {
    bool operator()(const shared_text& a, const shared_text& b) const { return *a == *b; }
  };

  share share_of(const row& r) const;
  void add(const share& s);
  void subtract(const share& s);
  void move(const shared_text& node, const membership& from, const membership& to);
  void list_anew(list which);

  std::unordered_map<shared_text, row, hashed, equal> rows_;
  digest current_;
  cache_counts counts_;
  uint32_t ready_ = 0;
  std::array<listed_nodes, list_count> lists_;
  mutable uint64_t looks_ = 0;
};

}  // namespace gkm::op
