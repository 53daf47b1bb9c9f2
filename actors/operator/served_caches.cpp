#include "actors/operator/served_caches.hpp"

namespace gkm::op {

size_t served_caches::served_in(const std::string& ns) const {
  auto at = by_namespace_.find(ns);
  return at == by_namespace_.end() ? 0 : at->second;
}

bool served_caches::is_full(size_t nodes) const {
  return served_.size() >= caches_max || (served_.size() + 1) * nodes > rows_max;
}

bool served_caches::add(const cache_ref& ref, bool must) {
  if (served_.contains(ref)) return false;
  if (!must) {
    waiting_.insert(ref);
    return false;
  }
  waiting_.erase(ref);
  served_.insert(ref);
  ++by_namespace_[ref.ns];
  return true;
}

void served_caches::remove(const cache_ref& ref) {
  waiting_.erase(ref);
  if (served_.erase(ref) == 0) return;
  auto at = by_namespace_.find(ref.ns);
  if (--at->second == 0) by_namespace_.erase(at);
}

std::vector<cache_ref> served_caches::admit(size_t nodes) {
  std::vector<cache_ref> admitted;
  auto at = waiting_.begin();
  while (at != waiting_.end() && !is_full(nodes)) {
    if (served_in(at->ns) >= caches_per_namespace_max) {
      at = waiting_.lower_bound({at->ns + '\0', {}});
      continue;
    }
    served_.insert(*at);
    ++by_namespace_[at->ns];
    admitted.push_back(*at);
    at = waiting_.erase(at);
  }
  return admitted;
}

std::string served_caches::refusal(const cache_ref& ref, size_t nodes) const {
  if (served_.contains(ref)) return {};
  if (served_in(ref.ns) >= caches_per_namespace_max)
    return (ref.ns.empty() ? "There are" : "Namespace '" + ref.ns + "' has") + std::string(" ") +
           std::to_string(caches_per_namespace_max) +
           (ref.ns.empty() ? " ClusterGKMCaches" : " GKMCaches") +
           " that are served, and that is the limit; delete some that are not needed";
  return "The cluster has " + std::to_string(served_.size()) + " caches that are served on " +
         std::to_string(nodes) +
         " nodes, and that is the limit; delete some that are not needed, in any namespace";
}

}  // namespace gkm::op
