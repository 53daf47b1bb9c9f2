/// What every report said last, in few bytes: what is alike on many nodes is there once. Pure; of
/// the caches actor.
#pragma once

#include "actors/operator/shared_values.hpp"
#include "messages/node_facts.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gkm::op {

/// Different holdings with words for people that are kept, of at most 320 bytes of words each. Of
/// more, the state counts and the words are dropped.
inline constexpr size_t worded_holdings_max = 4'096;

class report_memory {
public:
  /// Called with a cache's name and what the node holds of it now; null: nothing.
  using change = std::function<void(const std::string&, const shared_holding&)>;

  /// Calls `changed` for each cache of which this report says something else than the one before.
  /// True if there was none before.
  bool put(const report_summary& report, const change& changed);
  /// The same for a report that is gone; true if there was one.
  bool remove(const std::string& ns, const std::string& node, const change& changed);
  /// Null if that node's report says nothing of it.
  shared_holding find(const std::string& ns, const std::string& node,
                      const std::string& cache) const;

  size_t rows() const { return rows_; }
  size_t different_holdings() const { return holdings_.size(); }

private:
  struct held {
    shared_text cache;
    shared_holding holding;
  };
  using report_rows = std::vector<held>;  ///< in order of names
  struct by_content {
    size_t operator()(const node_holding& holding) const;
  };

  shared_holding share(const node_holding& holding);
  bool may_keep_words();

  /// By namespace and node.
  std::map<std::string, std::map<std::string, report_rows>> reports_;
  shared_values<std::string> names_;
  shared_values<node_holding, by_content> holdings_;
  size_t rows_ = 0;
  size_t worded_ = 0;   ///< of `holdings_`, since the last count
  size_t refused_ = 0;  ///< times that words were dropped
};

}  // namespace gkm::op
