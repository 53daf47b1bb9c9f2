#include "actors/agent/wanted_caches.hpp"

#include "base/program/log.hpp"

#include <algorithm>

namespace gkm::node {

std::optional<cache_spec> spec_of(const cache_object& cache, const std::string& own_ns) {
  const auto& status = cache.status;
  if (cache.object.deleting || status.resolved.empty()) return std::nullopt;
  auto image = image_ref::parse(status.resolved_image);
  if (!image || image->pinned != status.resolved || image->is_layout()) {
    base::log::warn("A cache's status names no image of its digest",
                    {{"cache", cache.ref.str()}, {"digest", status.resolved.str()}});
    return std::nullopt;
  }
  cache_spec spec{cache.ref, std::move(*image)};
  const auto& ns = cache.ref.is_cluster() ? own_ns : cache.ref.ns;
  for (const auto& name : cache.pull_secrets)
    if (!name.empty()) spec.pull_secrets.push_back(ns + "/" + name);
  return spec;
}

void wanted_caches::changed(const cache_object& cache) {
  auto& e = known_[cache.ref];
  e.spec = spec_of(cache, own_ns_);
  e.selector = cache.node_selector;
  decide(cache.ref, e);
}

void wanted_caches::gone(const cache_ref& ref) {
  auto it = known_.find(ref);
  if (it == known_.end()) return;
  bool announced = it->second.announced.has_value();
  known_.erase(it);
  if (announced) tell_.unwanted(ref);
}

void wanted_caches::node_is(const std::map<std::string, std::string>& labels) {
  if (labels_ == labels) return;
  labels_ = labels;
  for (auto& [ref, e] : known_)
    if (!e.selector.empty()) decide(ref, e);
}

/// The same wish said twice would be a wish to try again: status changes that concern nobody here
/// are no such thing.
void wanted_caches::decide(const cache_ref& ref, entry& e) {
  bool undecided = e.spec && !e.selector.empty() && !labels_;
  if (undecided) return;
  bool wanted = e.spec && matches(e.selector);
  if (wanted && e.announced != e.spec) {
    e.announced = e.spec;
    tell_.wanted(*e.spec);
  } else if (!wanted && e.announced) {
    e.announced.reset();
    tell_.unwanted(ref);
  }
}

bool wanted_caches::matches(const std::map<std::string, std::string>& selector) const {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    auto has = labels_->find(wanted.first);
    return has != labels_->end() && has->second == wanted.second;
  });
}

}  // namespace gkm::node
