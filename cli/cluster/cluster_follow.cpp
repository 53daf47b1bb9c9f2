#include "cli/cluster/cluster_follow.hpp"

#include "cli/cluster/cluster_feed.hpp"
#include "cli/cluster/cluster_table.hpp"
#include "cli/output/live_screen.hpp"

#include <unistd.h>

#include <ctime>
#include <iostream>
#include <sstream>
#include <thread>

namespace gkm::cli {
namespace {

// The first change at once, a storm of them as what it comes to.
constexpr std::chrono::milliseconds breath{200};
constexpr std::chrono::seconds ages_go_stale{10};
constexpr std::chrono::hours no_hurry{1};

std::string table_of(const cluster_snapshot& picture, bool wide) {
  table t(cluster_header(wide));
  auto now = std::time(nullptr);
  for (const auto& row : rows_of(picture)) t.add(cluster_cells(row, picture, wide, now));
  std::ostringstream out;
  t.print(out, wants_colours());
  return out.str();
}

void follow_on_screen(cluster_feed& feed, bool wide) {
  live_screen screen(std::cout);
  while (std::cout) {
    std::string text;
    feed.look([&](const cluster_snapshot& picture) { text = table_of(picture, wide); });
    if (auto trouble = feed.trouble(); !trouble.empty()) text += "\n" + plain(trouble) + "\n";
    screen.show(text, size_of_screen());
    std::this_thread::sleep_for(breath);
    feed.wait_for_news(ages_go_stale);
  }
}

void tell_trouble(const std::string& now, std::string& told) {
  if (now == told) return;
  if (told.empty() || now.empty())
    std::cerr << "gkm: " << (now.empty() ? "changes arrive again" : plain(now) + "; trying again")
              << std::endl;
  told = now;
}

void follow_as_lines(cluster_feed& feed, bool wide) {
  line_printer lines(std::cout, wide);
  feed.look([&](cluster_snapshot& picture) {
    picture.begin_changes();
    lines.begin(picture, std::time(nullptr));
  });
  std::string told;
  while (std::cout) {
    lines.print();
    std::this_thread::sleep_for(breath);
    feed.wait_for_news(no_hurry);
    tell_trouble(feed.trouble(), told);
    feed.look([&](cluster_snapshot& picture) {
      lines.changed(picture, picture.take_changes(), std::time(nullptr));
    });
  }
}

}  // namespace

line_printer::line_printer(std::ostream& out, bool wide)
    : out_(out), wide_(wide), table_(cluster_header(wide)) {}

void line_printer::begin(const cluster_snapshot& picture, int64_t now_unix_s) {
  for (const auto& row : rows_of(picture))
    add({row.cache, row.node}, cluster_cells(row, picture, wide_, now_unix_s));
}

void line_printer::changed(const cluster_snapshot& picture, const std::set<line_key>& lines,
                           int64_t now_unix_s) {
  for (const auto& line : lines) {
    auto cache = picture.caches().find(line.cache);
    if (cache == picture.caches().end()) {
      add_gone(line);
      continue;
    }
    const auto& nodes = picture.on_nodes(line.cache);
    auto node = nodes.find(line.node);
    if (line.node.empty())
      add(line, cluster_cells(rows_of(picture, cache->second).front(), picture, wide_, now_unix_s));
    else if (node == nodes.end())
      add_gone(line);
    else
      add(line, cluster_cells(node_row(cache->second, node->first, node->second), picture, wide_,
                              now_unix_s));
  }
}

void line_printer::print() {
  table_.print_more(out_, wants_colours());
  out_ << std::flush;
}

void line_printer::add(const line_key& line, std::vector<cell> cells) {
  auto hash = hash_of(cells);
  auto [at, fresh] = printed_.try_emplace(line, hash);
  if (!fresh && std::exchange(at->second, hash) == hash) return;
  table_.add(std::move(cells));
}

void line_printer::add_gone(const line_key& line) {
  if (printed_.erase(line) > 0) table_.add(gone_cells(line, wide_));
}

void follow_cluster(cluster_feed& feed, bool wide) {
  if (::isatty(STDOUT_FILENO))
    follow_on_screen(feed, wide);
  else
    follow_as_lines(feed, wide);
}

}  // namespace gkm::cli
