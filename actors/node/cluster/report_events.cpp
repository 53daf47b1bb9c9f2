#include "actors/node/cluster/report_events.hpp"

#include "actors/node/cluster/report_entries.hpp"

#include <algorithm>

namespace gkm::node {
namespace {

constexpr size_t max_events = 64;

bool is_extracted(const report_entry& entry) {
  auto state = state_of(entry);
  return state == "Extracted" || state == "Running" || state == "Outdated";
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

/// Calls `tell` for each pod that is listed in `in` and not in `other`.
template <class F>
void each_missing(const report_entry& in, const report_entry* other, F tell) {
  for (const auto& use : in.pods)
    if (!other || std::find(other->pods.begin(), other->pods.end(), use) == other->pods.end())
      tell(use.ns + "/" + use.name);
}

}  // namespace

std::vector<report_event> events_between(const node_report& seen, const node_report& wanted) {
  std::vector<report_event> events;
  auto add = [&](const char* reason, const char* action, std::string note) {
    if (events.size() < max_events) events.push_back({reason, action, std::move(note)});
  };
  for (const auto& [name, entries] : wanted.caches) {
    for (const auto& [d, entry] : entries) {
      const auto* before = find(seen, name, d);
      if (is_extracted(entry) && (!before || !is_extracted(*before)))
        add("Created", "Extract",
            what(name, d) + " is extracted, " + std::to_string(entry.volume_bytes) + " bytes");
      each_missing(entry, before, [&, name = name, d = d](const std::string& pod) {
        add("CacheUsed", "Mount", what(name, d) + " is used by pod '" + pod + "'");
      });
    }
  }
  for (const auto& [name, entries] : seen.caches) {
    for (const auto& [d, entry] : entries) {
      const auto* now = find(wanted, name, d);
      each_missing(entry, now, [&, name = name, d = d](const std::string& pod) {
        add("CacheRelease", "Unmount", what(name, d) + " is used no more by pod '" + pod + "'");
      });
      if (!now) add("Deleting", "Remove", what(name, d) + " is removed from the node");
    }
  }
  return events;
}

}  // namespace gkm::node
