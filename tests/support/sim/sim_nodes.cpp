#include "tests/support/sim/sim_nodes.hpp"

namespace gkm::sim {
namespace {

constexpr int64_t reaction_ms_max = 200;
constexpr int64_t extraction_ms_max = 3'000;
constexpr int64_t report_ms_max = 150;
constexpr int64_t collector_ms_max = 60'000;
constexpr int64_t renewal_ms_least = 120'000;
constexpr int64_t renewal_ms_most = 180'000;

bool matches(const cache_object& c, const node_facts& n) {
  for (const auto& [key, value] : c.node_selector) {
    auto at = n.labels.find(key);
    if (at == n.labels.end() || at->second != value) return false;
  }
  return true;
}

condition state(const char* name) {
  condition c;
  c.name = c.reason = name;
  c.status = condition_status::yes;
  c.changed_unix_s = 1;
  return c;
}

report_entry entry_of(const sim_nodes::hold& h, bool is_current) {
  report_entry e;
  if (h.failed) {
    e.conditions = {state("Error")};
    e.compatible_gpus = {0};
  } else if (h.extracted) {
    const char* used = is_current ? "Running" : "Outdated";
    e.conditions = {state(h.pods.empty() ? "Extracted" : used)};
    e.compatible_gpus = {0};
  } else {
    e.conditions = {state("Pending")};
  }
  for (const auto& pod : h.pods) {
    e.pods.push_back({"default", pod, "volume-1-" + pod});
    // Many a pod mounts it twice.
    if (pod.back() == '7') e.pods.push_back({"default", pod, "volume-2-" + pod});
  }
  return e;
}

}  // namespace

void sim_nodes::join(const std::string& name, bool has_gpu) {
  auto& n = all[name];
  n = {};
  n.has_gpu = has_gpu;
  n.renews = !api_.where().chaos().one_in(4);
  node_facts facts;
  facts.name = name;
  facts.ready = true;
  facts.labels = {{"half", api_.where().chaos().one_in(2) ? "left" : "right"}};
  api_.put(facts);
  report(name, "");
  renew_later(name);
  for (const auto& [ref, c] : api_.caches) wake(name, ref);
}

void sim_nodes::leave(const std::string& name) {
  all.erase(name);
  api_.remove_node(name);
  auto& w = api_.where();
  for (const auto& [key, r] : api_.reports) {
    if (key.second != name) continue;
    w.after(w.chaos().between(1, collector_ms_max), [this, key] {
      if (!api_.nodes.contains(key.second)) api_.remove_report(key.first, key.second);
    });
  }
}

void sim_nodes::set_ready(const std::string& name, bool ready) {
  auto facts = api_.nodes.at(name);
  if (facts.ready == ready) return;
  facts.ready = ready;
  facts.not_ready_since_unix_s = ready ? 0 : api_.clock.unix_seconds();
  all.at(name).running = ready;
  api_.put(facts);
  if (ready) look_at_all(name);
}

void sim_nodes::set_agent(const std::string& name, bool running) {
  auto& n = all.at(name);
  if (!api_.nodes.at(name).ready || n.running == running) return;
  n.running = running;
  if (running) look_at_all(name);
}

void sim_nodes::look_at_all(const std::string& name) {
  std::set<cache_ref> known;
  for (const auto& [ref, c] : api_.caches) known.insert(ref);
  for (const auto& [ref, held] : all.at(name).holds) known.insert(ref);
  for (const auto& ref : known) wake(name, ref);
  report(name, "");
}

void sim_nodes::renew_later(const std::string& name) {
  auto& w = api_.where();
  w.after(w.chaos().between(renewal_ms_least, renewal_ms_most), [this, name] {
    if (!all.contains(name)) return;
    report(name, "");
    renew_later(name);
  });
}

void sim_nodes::wake_all(const cache_ref& ref) {
  for (const auto& [name, n] : all) wake(name, ref);
}

void sim_nodes::wake(const std::string& name, const cache_ref& ref) {
  auto& w = api_.where();
  w.after(w.chaos().between(1, reaction_ms_max), [this, name, ref] { look(name, ref); });
}

void sim_nodes::look(const std::string& name, const cache_ref& ref) {
  auto at = all.find(name);
  if (at == all.end() || !at->second.running || !api_.nodes.contains(name)) return;
  auto& n = at->second;
  auto& held = n.holds[ref];
  auto cache = api_.caches.find(ref);
  digest wanted;
  if (cache != api_.caches.end() && !cache->second.object.deleting && n.has_gpu &&
      matches(cache->second, api_.nodes.at(name)))
    wanted = cache->second.status.resolved;
  std::erase_if(held, [&](const auto& h) { return h.first != wanted && h.second.pods.empty(); });
  if (!wanted.empty() && held.try_emplace(wanted).second) extract(name, ref, wanted);
  if (held.empty()) n.holds.erase(ref);
  report(name, ref.ns);
}

void sim_nodes::extract(const std::string& name, const cache_ref& ref, const digest& d) {
  auto& w = api_.where();
  bool fails = w.chaos().strikes();
  w.after(w.chaos().between(1, extraction_ms_max), [this, name, ref, d, fails] {
    auto n = all.find(name);
    if (n == all.end() || !n->second.holds.contains(ref)) return;
    auto& held = n->second.holds[ref];
    auto at = held.find(d);
    if (at == held.end()) return;
    at->second.extracted = !fails;
    at->second.failed = fails;
    report(name, ref.ns);
    if (!fails) return;
    // It is tried again.
    api_.where().after(duration(5'000), [this, name, ref, d] {
      auto again = all.find(name);
      if (again == all.end() || !again->second.holds.contains(ref)) return;
      if (again->second.holds[ref].contains(d)) extract(name, ref, d);
    });
  });
}

bool sim_nodes::start_pod(const std::string& name, const cache_ref& ref) {
  auto at = all.find(name);
  auto cache = api_.caches.find(ref);
  if (at == all.end() || !at->second.running || cache == api_.caches.end()) return false;
  auto held = at->second.holds.find(ref);
  if (held == at->second.holds.end()) return false;
  auto h = held->second.find(cache->second.status.resolved);
  if (h == held->second.end() || !h->second.extracted) return false;
  h->second.pods.insert("pod-" + std::to_string(++pods_));
  report(name, ref.ns);
  return true;
}

void sim_nodes::end_some_pod(const std::string& name) {
  auto at = all.find(name);
  if (at == all.end() || !at->second.running) return;
  for (auto& [ref, held] : at->second.holds) {
    for (auto& [d, h] : held) {
      if (h.pods.empty()) continue;
      h.pods.erase(h.pods.begin());
      return wake(name, ref);
    }
  }
}

void sim_nodes::end_all_pods() {
  for (auto& [name, n] : all)
    for (auto& [ref, held] : n.holds) {
      for (auto& [d, h] : held) h.pods.clear();
      wake(name, ref);
    }
}

/// One write, a moment later, of what is then so; again if the API is down.
void sim_nodes::report(const std::string& name, const std::string& ns) {
  if (!due_.insert({name, ns}).second) return;
  auto& w = api_.where();
  w.after(w.chaos().between(1, report_ms_max), [this, name, ns] {
    due_.erase({name, ns});
    auto at = all.find(name);
    if (at == all.end() || !at->second.running || !api_.nodes.contains(name)) return;
    if (api_.down) return report(name, ns);
    node_report r;
    r.ns = ns;
    r.name = r.node_name = name;
    if (ns.empty() && at->second.renews)
      r.renewed_unix_s = at->second.renewed_unix_s = api_.clock.unix_seconds();
    if (at->second.has_gpu) r.gpus = {{"MI250X", "6.2", {0}}};
    for (const auto& [ref, held] : at->second.holds) {
      if (ref.ns != ns) continue;
      auto cache = api_.caches.find(ref);
      for (const auto& [d, h] : held)
        r.caches[ref.name][d] =
            entry_of(h, cache != api_.caches.end() && cache->second.status.resolved == d);
    }
    if (r.caches.empty() && !ns.empty()) return api_.remove_report(ns, name);
    api_.put(std::move(r));
  });
}

}  // namespace gkm::sim
