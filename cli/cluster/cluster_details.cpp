#include "cli/cluster/cluster_details.hpp"

#include "cli/cluster/cluster_table.hpp"

#include <map>
#include <sstream>

namespace gkm::cli {
namespace {

constexpr size_t label_width = 12;

/// "  GPUs        text"; without a label, more of the line before.
void put(std::ostream& out, size_t indent, const std::string& label, const std::string& text) {
  auto width = indent + label_width;
  auto begin = std::string(indent, ' ') + label;
  out << begin << std::string(begin.size() < width ? width - begin.size() : 1, ' ') << text << '\n';
}

std::string age(int64_t since, int64_t now) {
  return since == 0 ? std::string() : " for " + human_seconds(now - since);
}

void put_condition(std::ostream& out, const condition& c, int64_t now) {
  auto text = std::string(to_string(c.status)) + age(c.changed_unix_s, now);
  if (!c.reason.empty() && c.reason != c.name) text += ", " + plain(c.reason);
  if (!c.message.empty()) text += ": " + plain(c.message);
  put(out, 2, plain(c.name), text);
}

std::string ids_text(const std::vector<int32_t>& ids) {
  std::string text;
  for (auto id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return text;
}

// GPUs that do not fit for the same reason are one line.
void put_gpus(std::ostream& out, const report_entry& e) {
  std::string label = "GPUs";
  if (!e.compatible_gpus.empty())
    put(out, 4, std::exchange(label, ""), ids_text(e.compatible_gpus) + " can use it");
  std::map<std::string, std::vector<int32_t>> misfits;
  for (const auto& g : e.incompatible_gpus) misfits[g.reason].push_back(g.id);
  for (const auto& [reason, ids] : misfits)
    put(out, 4, std::exchange(label, ""),
        ids_text(ids) + " cannot use it" + (reason.empty() ? "" : ": " + plain(reason)));
}

void put_pods(std::ostream& out, const report_entry& e) {
  std::string label = "Pods";
  std::string before;
  for (const auto& use : e.pods) {
    auto name = plain(use.ns) + "/" + plain(use.name);
    if (name != before) put(out, 4, std::exchange(label, ""), name);
    before = name;
  }
  auto left_out = count_pods(e) - count_listed_pods(e);
  if (left_out > 0) put(out, 4, label, std::to_string(left_out) + " more");
}

void put_entry(std::ostream& out, const digest& held, const report_entry& e, bool old,
               int64_t now) {
  auto stands = standing_of(e);
  put(out, 2, "Digest", held.str() + (old ? " (an earlier image)" : ""));
  auto state = std::string(to_string(stands.state));
  if (stands.why) {
    const auto& c = *stands.why;
    state += age(c.changed_unix_s, now);
    if (!c.reason.empty() && c.reason != c.name) state += ", " + plain(c.reason);
    if (!c.message.empty()) state += ": " + plain(c.message);
  }
  put(out, 4, "Status", state);
  if (e.volume_bytes > 0) put(out, 4, "Size", human_bytes(e.volume_bytes));
  put_gpus(out, e);
  put_pods(out, e);
}

void put_node(std::ostream& out, const cluster_snapshot& picture, const cache_object& cache,
              const cluster_row& row, int64_t now) {
  const auto& groups = picture.gpus_of(row.node);
  out << "\nNode " << plain(row.node) << ": " << row.state
      << (groups.empty() ? "" : ", " + gpu_types(groups)) << '\n';
  for (const auto& [held, entry] : picture.on_nodes(cache.ref).at(row.node)) {
    bool old = !cache.status.resolved.empty() && held != cache.status.resolved;
    put_entry(out, held, entry, old, now);
  }
}

void put_selector(std::ostream& out, const cache_object& cache) {
  std::string text;
  for (const auto& [label, value] : cache.node_selector)
    text += (text.empty() ? "" : ", ") + plain(label) + "=" + plain(value);
  if (!text.empty()) put(out, 0, "Nodes with", text);
}

void put_whole(std::ostream& out, const cache_object& cache, const cluster_row& whole) {
  out << cache.ref.str() << (cache.object.deleting ? " (being deleted)" : "") << '\n';
  put(out, 0, "Image", plain(cache.image));
  put(out, 0, "Digest", whole.held.empty() ? "not resolved" : whole.held.str());
  put(out, 0, "Nodes",
      std::to_string(whole.nodes_ready) + " of " + std::to_string(whole.nodes) + " ready");
  put_selector(out, cache);
  auto pods = std::to_string(whole.pods_now + whole.pods_old);
  if (whole.pods_old > 0) pods += ", " + std::to_string(whole.pods_old) + " with an earlier image";
  put(out, 0, "Pods", pods);
}

}  // namespace

std::string cluster_details(const cluster_snapshot& picture, const cache_object& cache,
                            int64_t now_unix_s) {
  std::ostringstream out;
  auto rows = rows_of(picture, cache);
  put_whole(out, cache, rows.front());
  out << "Conditions" << (cache.status.conditions.empty() ? ": none yet" : "") << '\n';
  for (const auto& c : cache.status.conditions) put_condition(out, c, now_unix_s);
  for (size_t i = 1; i < rows.size(); ++i) put_node(out, picture, cache, rows[i], now_unix_s);
  return out.str();
}

}  // namespace gkm::cli
