/// `kubectl gkm status -w`: what changes, as it does.
#pragma once

#include "cli/cluster/cluster_snapshot.hpp"
#include "cli/output/table.hpp"

#include <cstdint>
#include <iosfwd>
#include <map>
#include <set>

namespace gkm::cli {

class cluster_feed;

/// For pipes: every line once, then lines that changed, in columns that stay.
class line_printer {
public:
  line_printer(std::ostream& out, bool wide);

  void begin(const cluster_snapshot& picture, int64_t now_unix_s);
  /// Of `lines` those that show something else than when they were printed last.
  void changed(const cluster_snapshot& picture, const std::set<line_key>& lines,
               int64_t now_unix_s);
  /// What was made ready for printing goes out.
  void print();

private:
  void add(const line_key& line, std::vector<cell> cells);
  void add_gone(const line_key& line);

  std::ostream& out_;
  const bool wide_;
  table table_;
  std::map<line_key, size_t> printed_;  ///< what was, in short
};

/// Prints what `feed` tells until nobody reads it any more: a table drawn again in its place on a
/// terminal, else lines.
void follow_cluster(cluster_feed& feed, bool wide);

}  // namespace gkm::cli
