/// What all nodes together are to one cache. Kept by difference: one change of one node costs the
/// same however many nodes there are.
#pragma once

#include "messages/cluster_view.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::cluster {

class aggregate {
public:
  /// Names in order; the texts are owned by the aggregate.
  using names = std::set<std::string_view>;

  aggregate() = default;
  aggregate(const aggregate&) = delete;
  aggregate& operator=(const aggregate&) = delete;

  void set_standing(const node_standing& standing);
  void set_holding(const std::string& node, node_holding holding);
  /// The digest that nodes shall have now. Looks at every node, and is rare.
  void set_current(const digest& resolved);

  const cache_counts& counts() const { return counts_; }
  /// Nodes that shall have it and can use it: those that do, those that do not yet, those that
  /// failed.
  uint32_t ready() const { return ready_; }
  const names& waiting() const { return waiting_; }
  const names& failed() const { return failed_; }
  /// Nodes that run an agent and match, but have no GPU for it.
  const names& unfit() const { return unfit_; }
  /// Alive nodes that hold any digest; those where a pod has it mounted; that cannot let it go.
  const names& holding() const { return holding_; }
  const names& mounted() const { return mounted_; }
  const names& stuck() const { return stuck_; }
  /// Why a node failed, is unfit or stuck; empty if it did not say.
  std::string why(std::string_view node) const;

  /// How often a node was looked at so far: the work that was done.
  uint64_t looks() const { return looks_; }

private:
  struct row {
    node_standing standing;
    node_holding holding;
  };
  /// What one node adds to the whole.
  struct share {
    cache_counts counts;
    bool ready = false, waiting = false, failed = false, unfit = false;
    bool holding = false, mounted = false, stuck = false;
  };

  share share_of(const row& r) const;
  void add(std::string_view node, const share& s);
  void subtract(std::string_view node, const share& s);
  template <class Change>
  void change(const std::string& node, Change change);

  std::map<std::string, row, std::less<>> rows_;
  digest current_;
  cache_counts counts_;
  uint32_t ready_ = 0;
  names waiting_, failed_, unfit_, holding_, mounted_, stuck_;
  mutable uint64_t looks_ = 0;
};

/// "a, b, c and 7 more".
std::string list_some(const aggregate::names& names);

}  // namespace gkm::cluster
