#include "cli/cluster/cluster_table.hpp"

#include "messages/printable.hpp"

#include <algorithm>
#include <functional>

namespace gkm::cli {
namespace {

constexpr size_t max_text_chars = 4'096;
constexpr size_t max_state_chars = 40;
constexpr size_t names_in_table = 2;   // of pods; more are counted
constexpr size_t names_in_wide = 100;  // a node runs about so many
constexpr size_t state_column = 3;
constexpr size_t age_column = 8;

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

std::string ns_cell(const cache_ref& cache) { return cache.is_cluster() ? "(cluster)" : cache.ns; }

std::string node_cell(const cluster_row& row) {
  if (!row.node.empty()) return plain(row.node);
  if (row.nodes == 0) return "no node";
  return std::to_string(row.nodes_ready) + " of " + std::to_string(row.nodes) + " ready";
}

std::string count_pods(const cluster_row& row) {
  if (row.pods_now + row.pods_old == 0) return "-";
  auto text = std::to_string(row.pods_now);
  if (row.pods_old > 0) text += " +" + std::to_string(row.pods_old) + " old";
  return text;
}

std::string name_pods(const cluster_row& row, size_t at_most) {
  std::string text;
  for (size_t i = 0; i < row.pods.size() && i < at_most; ++i) {
    const auto& pod = row.pods[i];
    text += i == 0 ? "" : ", ";
    if (row.cache.is_cluster()) text += plain(pod.ns) + "/";
    text += plain(pod.name) + (pod.old ? " (old)" : "");
  }
  auto named = std::min(row.pods.size(), at_most);
  auto all = std::max<uint64_t>(row.pods.size(), row.pods_now + row.pods_old);
  if (all > named) text += (named > 0 ? " +" : "+") + std::to_string(all - named) + " more";
  return or_dash(std::move(text));
}

std::string pods_cell(const cluster_row& row, bool wide) {
  if (row.node.empty()) return count_pods(row);
  return name_pods(row, wide ? names_in_wide : names_in_table);
}

std::string gpus_cell(const cluster_row& row) {
  if (!row.gpus_fit) return "-";
  return std::to_string(*row.gpus_fit) + "/" + std::to_string(row.gpus);
}

std::string age_cell(const cluster_row& row, int64_t now) {
  return row.since_unix_s == 0 ? "-" : human_seconds(now - row.since_unix_s);
}

tint tint_of(const cluster_row& row) {
  if (row.bad) return tint::bad;
  return row.good && row.pods_old == 0 ? tint::good : tint::none;
}

std::string old_digests(const cluster_row& row) {
  std::string text;
  for (const auto& d : row.old) text += (text.empty() ? "" : ", ") + d.brief();
  return or_dash(std::move(text));
}

void add_wide(std::vector<cell>& cells, const cluster_row& row, const cluster_snapshot& picture) {
  bool whole = row.node.empty();
  auto cache = picture.caches().find(row.cache);
  bool known = cache != picture.caches().end();
  cells.emplace_back(old_digests(row));
  cells.emplace_back(whole ? "-" : gpu_types(picture.gpus_of(row.node)));
  cells.emplace_back(whole && known ? plain(cache->second.image) : "-");
}

}  // namespace

std::string plain(const std::string& text) { return printable(text, max_text_chars); }

std::string gpu_types(const std::vector<gpu_group>& groups) {
  std::string text;
  for (const auto& g : groups)
    text += (text.empty() ? "" : ", ") + std::to_string(g.ids.size()) + " " +
            (g.gpu_type.empty() ? "unknown" : plain(g.gpu_type));
  return or_dash(std::move(text));
}

std::vector<std::string> cluster_header(bool wide) {
  std::vector<std::string> header{"NAMESPACE", "NAME", "NODE", "STATUS", "DIGEST",
                                  "GPUS",      "PODS", "SIZE", "AGE"};
  if (wide) header.insert(header.end(), {"OLD DIGESTS", "GPU TYPES", "IMAGE"});
  header.emplace_back("DETAIL");
  return header;
}

std::vector<cell> cluster_cells(const cluster_row& row, const cluster_snapshot& picture, bool wide,
                                int64_t now_unix_s) {
  std::vector<cell> cells{ns_cell(row.cache),
                          row.cache.name,
                          node_cell(row),
                          {printable(row.state, max_state_chars), tint_of(row)},
                          or_dash(row.held.brief()),
                          gpus_cell(row),
                          pods_cell(row, wide),
                          row.bytes == 0 ? "-" : human_bytes(row.bytes),
                          age_cell(row, now_unix_s)};
  if (wide) add_wide(cells, row, picture);
  cells.emplace_back(plain(row.message));
  return cells;
}

std::vector<cell> gone_cells(const line_key& line, bool wide) {
  std::vector<cell> cells(cluster_header(wide).size(), "-");
  cells[0] = ns_cell(line.cache);
  cells[1] = line.cache.name;
  cells[2] = line.node.empty() ? "no node" : plain(line.node);
  cells[state_column] = {"Gone", tint::dim};
  cells.back() = "";
  return cells;
}

size_t hash_of(const std::vector<cell>& cells) {
  std::string text;
  for (size_t i = 0; i < cells.size(); ++i)
    if (i != age_column) text += cells[i].text + '\n';
  return std::hash<std::string>{}(text);
}

}  // namespace gkm::cli
