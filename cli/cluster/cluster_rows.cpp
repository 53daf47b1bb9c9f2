#include "cli/cluster/cluster_rows.hpp"

#include "messages/names.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace gkm::cli {
namespace {

constexpr std::array<std::string_view, 7> names{
    "Unknown",           conditions::extracted, conditions::running, conditions::outdated,
    conditions::pending, conditions::error,     "UnloadError"};

bool can_be_used(node_state s) {
  return s == node_state::extracted || s == node_state::running || s == node_state::outdated;
}

/// The digest that a node's line is about, and what its other digests add.
struct choice {
  const digest* shown = nullptr;
  const report_entry* entry = nullptr;
  standing stands;
};

// What cannot be removed comes first; then the digest that the node shall have; then the worst.
choice choose(const digest& wanted, const node_entries& entries) {
  auto weight = [&](const digest& held, node_state s) {
    return std::pair(s == node_state::unload_error ? 2 : held == wanted ? 1 : 0, s);
  };
  choice chosen;
  for (const auto& [held, entry] : entries) {
    auto stands = standing_of(entry);
    if (chosen.shown && weight(held, stands.state) <= weight(*chosen.shown, chosen.stands.state))
      continue;
    chosen = {&held, &entry, stands};
  }
  return chosen;
}

std::vector<row_pod> pods_of(const digest& wanted, const node_entries& entries) {
  std::set<row_pod> pods;
  for (const auto& [held, entry] : entries)
    for (const auto& use : entry.pods)
      pods.insert({use.ns, use.name, !wanted.empty() && held != wanted});
  return {pods.begin(), pods.end()};
}

std::string pods_text(uint64_t n) {
  return std::to_string(n) + (n == 1 ? " pod uses" : " pods use") + " an earlier image until " +
         (n == 1 ? "it is" : "they are") + " restarted";
}

void set_state(cluster_row& row, const cache_object& cache, const choice& chosen) {
  const auto& wanted = cache.status.resolved;
  bool is_wanted = wanted.empty() || *chosen.shown == wanted;
  auto state = chosen.stands.state;
  row.message = chosen.stands.why ? chosen.stands.why->message : std::string();
  if (can_be_used(state) && !is_wanted && !cache.object.deleting) {
    state = node_state::outdated;
    row.message = "Has an earlier image, and has not reported on the wanted one";
  } else if (can_be_used(state) && row.pods_old > 0) {
    state = node_state::outdated;
    row.message = pods_text(row.pods_old) + (row.message.empty() ? "" : "; " + row.message);
  } else if (state == node_state::extracted && row.pods_now > 0) {
    state = node_state::running;
  }
  row.state = to_string(state);
  row.good = can_be_used(state) && *chosen.shown == wanted && !cache.object.deleting;
  row.bad = state == node_state::error || state == node_state::unload_error;
}

}  // namespace

std::string_view to_string(node_state s) { return names.at(static_cast<size_t>(s)); }

standing standing_of(const report_entry& entry) {
  standing found;
  for (size_t i = 1; i < names.size(); ++i) {
    const auto* c = find_condition(entry.conditions, names.at(i));
    if (c && c->status == condition_status::yes) found = {static_cast<node_state>(i), c};
  }
  return found;
}

cluster_row node_row(const cache_object& cache, const std::string& node,
                     const node_entries& entries) {
  cluster_row row;
  row.cache = cache.ref;
  row.node = node;
  row.pods = pods_of(cache.status.resolved, entries);
  row.pods_old = static_cast<uint64_t>(
      std::count_if(row.pods.begin(), row.pods.end(), [](const auto& p) { return p.old; }));
  row.pods_now = row.pods.size() - row.pods_old;
  const auto& wanted = cache.status.resolved;
  for (const auto& [held, entry] : entries) {
    auto left_out = count_pods(entry) - count_listed_pods(entry);
    (!wanted.empty() && held != wanted ? row.pods_old : row.pods_now) += left_out;
  }
  auto chosen = choose(cache.status.resolved, entries);
  if (!chosen.shown) {
    row.state = to_string(node_state::unknown);
    return row;
  }
  set_state(row, cache, chosen);
  row.held = *chosen.shown;
  for (const auto& [held, entry] : entries)
    if (held != row.held) row.old.push_back(held);
  const auto& e = *chosen.entry;
  row.gpus = e.compatible_gpus.size() + e.incompatible_gpus.size();
  if (row.gpus > 0) row.gpus_fit = e.compatible_gpus.size();
  row.bytes = e.volume_bytes;
  if (chosen.stands.why) row.since_unix_s = chosen.stands.why->changed_unix_s;
  return row;
}

cluster_row whole_row(const cache_object& cache, const std::vector<cluster_row>& on_nodes) {
  cluster_row row;
  row.cache = cache.ref;
  row.held = cache.status.resolved;
  const auto* ready = find_condition(cache.status.conditions, conditions::ready);
  row.state = ready ? ready->reason : std::string(to_string(node_state::pending));
  row.message = ready ? ready->message
                      : "Nothing has looked at it yet; gkm-operator does, where it is running";
  row.good = ready && ready->status == condition_status::yes;
  row.bad =
      row.state == to_string(node_state::error) || row.state == to_string(node_state::unload_error);
  if (ready) row.since_unix_s = ready->changed_unix_s;
  for (const auto& node : on_nodes) {
    row.pods_now += node.pods_now;
    row.pods_old += node.pods_old;
    row.nodes_ready += node.good ? 1 : 0;
    row.bytes = std::max(row.bytes, node.good ? node.bytes : 0);
    if (!node.gpus_fit) continue;
    row.gpus_fit = row.gpus_fit.value_or(0) + *node.gpus_fit;
    row.gpus += node.gpus;
  }
  row.nodes = std::max<uint64_t>(on_nodes.size(), cache.status.counts.nodes);
  return row;
}

std::vector<cluster_row> rows_of(const cluster_snapshot& picture, const cache_object& cache) {
  std::vector<cluster_row> rows(1);
  std::vector<cluster_row> on_nodes;
  for (const auto& [node, entries] : picture.on_nodes(cache.ref))
    on_nodes.push_back(node_row(cache, node, entries));
  rows.front() = whole_row(cache, on_nodes);
  std::move(on_nodes.begin(), on_nodes.end(), std::back_inserter(rows));
  return rows;
}

std::vector<cluster_row> rows_of(const cluster_snapshot& picture) {
  std::vector<cluster_row> all;
  for (const auto& [ref, cache] : picture.caches()) {
    auto rows = rows_of(picture, cache);
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace gkm::cli
