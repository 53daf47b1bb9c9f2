#include "actors/agent/report_events.hpp"

#include "actors/agent/report_entries.hpp"
#include "messages/names.hpp"

#include <algorithm>

namespace gkm::node {
namespace {

constexpr size_t max_events = 64;

bool is_extracted(const report_entry& entry) {
  auto state = state_of(entry);
  return state == conditions::extracted || state == conditions::running ||
         state == conditions::outdated;
}

const report_entry* find(const node_report& in, const std::string& name, const digest& d) {
  auto cache = in.caches.find(name);
  if (cache == in.caches.end()) return nullptr;
  auto entry = cache->second.find(d);
  return entry == cache->second.end() ? nullptr : &entry->second;
}

std::string what(const std::string& name, const digest& d) {
  return "Cache '" + name + "' of " + d.str();
}

/// Pods that are listed in `in` and not in `other`, by name.
std::vector<std::string> missing(const report_entry& in, const report_entry& other) {
  std::vector<std::string> names;
  for (const auto& use : in.pods)
    if (std::find(other.pods.begin(), other.pods.end(), use) == other.pods.end())
      names.push_back(use.ns + "/" + use.name);
  return names;
}

std::string pods_text(uint32_t n) { return std::to_string(n) + (n == 1 ? " pod" : " pods"); }

/// Events are read by whoever may read their namespace, and those about a cluster-scoped report are
/// in `default`: a pod is named only to readers of its own namespace, others are counted. So are
/// all where a report does not list them all.
bool may_name_pods(const std::string& ns, const report_entry& e) {
  return !ns.empty() && e.pod_count == 0 &&
         std::all_of(e.pods.begin(), e.pods.end(), [&](const auto& use) { return use.ns == ns; });
}

/// Calls `used` and `released` with the rest of a sentence.
template <class F, class G>
void compare_pods(const std::string& ns, const report_entry& before, const report_entry& now,
                  F used, G released) {
  if (may_name_pods(ns, before) && may_name_pods(ns, now)) {
    for (const auto& pod : missing(now, before)) used(" is used by pod '" + pod + "'");
    for (const auto& pod : missing(before, now)) released(" is used no more by pod '" + pod + "'");
    return;
  }
  auto then = count_pods(before);
  auto all = count_pods(now);
  auto text = " is used by " + pods_text(all) + " on the node, " + std::to_string(then) + " before";
  if (all > then) used(text);
  if (all < then) released(text);
}

}  // namespace

std::vector<report_event> events_between(const node_report& seen, const node_report& wanted) {
  std::vector<report_event> events;
  auto add = [&](const char* reason, const char* action, std::string note) {
    if (events.size() < max_events) events.push_back({reason, action, std::move(note)});
  };
  static const report_entry none;
  auto tell_pods = [&](const std::string& about, const report_entry& before,
                       const report_entry& now) {
    compare_pods(
        wanted.ns, before, now,
        [&](const std::string& text) { add("CacheUsed", "Mount", about + text); },
        [&](const std::string& text) { add("CacheRelease", "Unmount", about + text); });
  };
  for (const auto& [name, entries] : wanted.caches) {
    for (const auto& [d, entry] : entries) {
      const auto* before = find(seen, name, d);
      if (is_extracted(entry) && (!before || !is_extracted(*before)))
        add("Created", "Extract",
            what(name, d) + " is extracted, " + std::to_string(entry.volume_bytes) + " bytes");
      tell_pods(what(name, d), before ? *before : none, entry);
    }
  }
  for (const auto& [name, entries] : seen.caches) {
    for (const auto& [d, entry] : entries) {
      if (find(wanted, name, d)) continue;
      tell_pods(what(name, d), entry, none);
      add("Deleting", "Remove", what(name, d) + " is removed from the node");
    }
  }
  return events;
}

}  // namespace gkm::node
