#include "cluster_observer.hpp"

#include "figures.hpp"
#include "k8s/objects/types.hpp"

namespace gkm::bench {
namespace {

constexpr std::chrono::seconds patience{120};

bool is_state(const condition& c, std::string_view name) {
  return c.name == name && c.status == condition_status::yes;
}

}  // namespace

cluster_observer::cluster_observer(k8s::config where) : client_(std::move(where)) {
  auto watch = [this](const k8s::resource& what,
                      void (cluster_observer::*saw)(const k8s::object&)) {
    k8s::watch_callbacks calls;
    calls.changed = [this, saw](const k8s::object& o) { (this->*saw)(o); };
    calls.deleted = [this](const k8s::gone_object& g) {
      note({g.key.ns, g.key.name}, fact::gone, clock::now());
    };
    calls.synced = [] {};
    watchers_.push_back(
        std::make_unique<k8s::watcher>(client_, what, k8s::watch_options{}, std::move(calls)));
  };
  watch(k8s::gkm_caches, &cluster_observer::saw_cache);
  watch(k8s::gkm_cache_nodes, &cluster_observer::saw_report);
}

cluster_observer::~cluster_observer() {
  for (auto& w : watchers_) w->stop();
}

void cluster_observer::saw_cache(const k8s::object& o) {
  auto now = clock::now();
  auto cache = k8s::parse_cache(o);
  if (!cache) return;
  note(cache->ref, fact::applied, now);
  if (!cache->status.resolved.empty()) note(cache->ref, fact::resolved, now);
  for (const auto& c : cache->status.conditions)
    if (is_state(c, "Ready")) note(cache->ref, fact::ready, now);
  bool used = cache->status.counts.pods_running > 0;
  if (used) note(cache->ref, fact::counted, now);
  if (!used && !cache->status.resolved.empty()) note(cache->ref, fact::uncounted, now);
}

void cluster_observer::saw_report(const k8s::object& o) {
  auto now = clock::now();
  auto report = k8s::parse_node_report(o);
  if (!report) return;
  for (const auto& [name, entries] : report->caches)
    for (const auto& [digest, entry] : entries) {
      note({report->ns, name}, fact::begun, now);
      for (const auto& c : entry.conditions)
        if (is_state(c, "Extracted")) note({report->ns, name}, fact::extracted, now);
    }
}

void cluster_observer::note(const cache_ref& cache, fact what, clock::time_point now) {
  std::lock_guard lock(mutex_);
  if (first_.try_emplace({cache, what}, now).second) told_.notify_all();
}

cluster_observer::clock::time_point cluster_observer::when(const cache_ref& cache, fact what) {
  std::unique_lock lock(mutex_);
  auto found = first_.end();
  bool told = told_.wait_for(lock, patience, [&] {
    found = first_.find({cache, what});
    return found != first_.end();
  });
  if (!told) die("Nothing was told of cache '" + cache.str() + "' for two minutes");
  return found->second;
}

void cluster_observer::forget(const cache_ref& cache) {
  std::lock_guard lock(mutex_);
  std::erase_if(first_, [&](const auto& entry) { return entry.first.first == cache; });
}

}  // namespace gkm::bench
