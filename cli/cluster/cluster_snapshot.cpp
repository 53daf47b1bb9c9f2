#include "cli/cluster/cluster_snapshot.hpp"

namespace gkm::cli {

void cluster_snapshot::put(cache_object cache) {
  auto ref = cache.ref;
  touch(ref, {});
  // The digest that nodes shall have decides what their own lines say.
  auto at = caches_.find(ref);
  bool judged_anew = at == caches_.end() || at->second.status.resolved != cache.status.resolved ||
                     at->second.object.deleting != cache.object.deleting;
  if (remembers_ && judged_anew)
    for (const auto& [node, entries] : on_nodes(ref)) touch(ref, node);
  caches_.insert_or_assign(std::move(ref), std::move(cache));
}

void cluster_snapshot::drop(const cache_ref& cache) {
  caches_.erase(cache);
  touch(cache, {});
  if (remembers_)
    for (const auto& [node, entries] : on_nodes(cache)) touch(cache, node);
}

void cluster_snapshot::put(node_report report) {
  if (report.ns.empty()) gpus_[report.name] = std::move(report.gpus);
  std::set<std::string> names;
  for (auto& [name, entries] : report.caches) {
    if (!only_.empty() && name != only_) continue;
    names.insert(name);
    auto& held = holdings_[{report.ns, name}][report.name];
    if (held == entries) continue;
    held = std::move(entries);
    touch({report.ns, name}, report.name);
  }
  auto before = std::exchange(reported_[{report.ns, report.name}], std::move(names));
  const auto& now = reported_[{report.ns, report.name}];
  for (const auto& name : before) {
    if (now.contains(name)) continue;
    cache_ref ref{report.ns, name};
    auto& nodes = holdings_[ref];
    nodes.erase(report.name);
    if (nodes.empty()) holdings_.erase(ref);
    touch(ref, report.name);
  }
}

void cluster_snapshot::drop_report(const std::string& ns, const std::string& node) {
  node_report nothing;
  nothing.ns = ns;
  nothing.name = node;
  put(std::move(nothing));
  reported_.erase({ns, node});
  if (ns.empty()) gpus_.erase(node);
}

const std::map<std::string, node_entries>& cluster_snapshot::on_nodes(
    const cache_ref& cache) const {
  static const std::map<std::string, node_entries> none;
  auto at = holdings_.find(cache);
  return at == holdings_.end() ? none : at->second;
}

const std::vector<gpu_group>& cluster_snapshot::gpus_of(const std::string& node) const {
  static const std::vector<gpu_group> none;
  auto at = gpus_.find(node);
  return at == gpus_.end() ? none : at->second;
}

void cluster_snapshot::touch(const cache_ref& cache, const std::string& node) {
  if (!remembers_) return;
  changes_.insert({cache, node});
  changes_.insert({cache, {}});
}

}  // namespace gkm::cli
