/// Some of a cluster's nodes, of which the first are known by name: all that a status shows.
#pragma once

#include "messages/node_facts.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace gkm::op {

class listed_nodes {
public:
  /// So many are named, the rest is counted.
  static constexpr size_t shown_max = 3;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// In order of names: all of them, or at least as many as are shown.
  const std::vector<shared_text>& first() const { return first_; }

  /// Of one that is not in yet, of one that is.
  void insert(const shared_text& node);
  void erase(const shared_text& node);
  /// Too few are known by name: `list` is due.
  bool is_short() const;
  /// All of them, in any order; none is null.
  void list(std::vector<const shared_text*> all);

private:
  // More than are shown, so that it is rare to look at all again when some go.
  static constexpr size_t known_max = 128;

  size_t size_ = 0;
  std::vector<shared_text> first_;
};

/// "a, b, c and 7 more".
std::string list_some(const listed_nodes& nodes);

}  // namespace gkm::op
