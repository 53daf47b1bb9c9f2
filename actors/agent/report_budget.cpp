#include "actors/agent/report_budget.hpp"

#include "actors/agent/report_entries.hpp"
#include "messages/names.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace gkm::node {
namespace {

/// How much of each entry is shown.
struct detail {
  size_t message_bytes;
  size_t gpu_reason_bytes;
  size_t volumes;
  bool gpus;
};
constexpr detail details[] = {{1'024, 1'000, listed_volumes_max, true},
                              {256, 128, 8, true},
                              {96, 0, 2, true},
                              {32, 0, 0, false},
                              {0, 0, 0, false}};

// Names of fields, punctuation, numbers and times; then the same names in the record of writers.
constexpr size_t cache_bytes = 8 + 16;
constexpr size_t entry_bytes = 130 + 105;
constexpr size_t condition_bytes = 125 + 140;
constexpr size_t gpu_lists_bytes = 72 + 110;  // if there are any
constexpr size_t gpu_bytes = 12 + 20;
constexpr size_t misfit_bytes = 48 + 100;
constexpr size_t volume_bytes = 60;

/// As a JSON text, at most: of what is not UTF-8 each byte may become a replacement character.
size_t text_bytes(std::string_view text) {
  constexpr size_t escaped = 6, replaced = 3;
  size_t bytes = 0;
  for (unsigned char c : text)
    bytes += c < ' ' ? escaped : c >= 0x7f ? replaced : c == '"' || c == '\\' ? 2 : 1;
  return bytes;
}

size_t bytes_of(const digest& name, const report_entry& e) {
  size_t bytes = entry_bytes + 2 * name.str().size();
  for (const auto& c : e.conditions)
    bytes += condition_bytes + 2 * c.name.size() + text_bytes(c.reason) + text_bytes(c.message);
  auto gpus = e.compatible_gpus.size() + e.incompatible_gpus.size();
  bytes += gpus * gpu_bytes + (gpus > 0 ? gpu_lists_bytes : 0);
  for (const auto& g : e.incompatible_gpus)
    if (!g.reason.empty()) bytes += misfit_bytes + text_bytes(g.reason);
  for (const auto& use : e.pods)
    bytes += volume_bytes + text_bytes(use.ns) + text_bytes(use.name) + text_bytes(use.volume_id);
  return bytes;
}

void cut(std::string& text, size_t bytes) {
  if (text.size() <= bytes) return;
  auto is_inside_character = [&](size_t at) { return (text[at] & 0xc0) == 0x80; };
  while (bytes > 0 && is_inside_character(bytes)) --bytes;
  text.resize(bytes);
}

void cut(report_entry& e, const detail& to) {
  for (auto& c : e.conditions) cut(c.message, to.message_bytes);
  if (!to.gpus) {
    e.compatible_gpus.clear();
    e.incompatible_gpus.clear();
  }
  for (auto& g : e.incompatible_gpus) cut(g.reason, to.gpu_reason_bytes);
  if (e.pods.size() <= to.volumes) return;
  e.pod_count = count_pods(e);
  e.pods.resize(to.volumes);
}

void cut(node_report& report, const detail& to) {
  for (auto& [cache, entries] : report.caches)
    for (auto& [name, entry] : entries) cut(entry, to);
}

/// What the cluster decides by goes last. An entry that waits says no more than none.
int importance(const report_entry& e) {
  if (count_pods(e) > 0) return 3;
  auto state = state_of(e);
  if (state == conditions::pending || state.empty()) return 0;
  return state == conditions::error ? 1 : 2;
}

/// Leaves out entries until the rest is within all limits.
void omit(node_report& report) {
  struct candidate {
    int importance;
    const std::string* cache;
    const digest* name;
    size_t bytes;
  };
  std::vector<candidate> all;
  for (const auto& [cache, entries] : report.caches)
    for (const auto& [name, e] : entries)
      all.push_back({importance(e), &cache, &name, bytes_of(name, e)});
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.importance > b.importance; });
  std::map<std::string, report_entries> kept;
  size_t bytes = 0;
  for (const auto& one : all) {
    auto at = kept.find(*one.cache);
    bool first = at == kept.end();
    auto needed = one.bytes + (first ? cache_bytes + 2 * one.cache->size() : 0);
    bool room =
        bytes + needed <= report_bytes_max &&
        (first ? kept.size() < reported_caches_max : at->second.size() < reported_digests_max);
    if (!room) {
      ++report.omitted;
      continue;
    }
    bytes += needed;
    kept[*one.cache].emplace(*one.name, report.caches.at(*one.cache).at(*one.name));
  }
  report.caches = std::move(kept);
}

bool has_too_many(const node_report& report) {
  return report.caches.size() > reported_caches_max ||
         std::any_of(report.caches.begin(), report.caches.end(),
                     [](const auto& cache) { return cache.second.size() > reported_digests_max; });
}

}  // namespace

size_t bytes_in_etcd(const node_report& report) {
  size_t bytes = 0;
  for (const auto& [cache, entries] : report.caches) {
    bytes += cache_bytes + 2 * cache.size();
    for (const auto& [name, entry] : entries) bytes += bytes_of(name, entry);
  }
  return bytes;
}

void fit(node_report& report) {
  report.omitted = 0;
  for (const auto& to : details) {
    cut(report, to);
    if (bytes_in_etcd(report) <= report_bytes_max) break;
  }
  if (has_too_many(report) || bytes_in_etcd(report) > report_bytes_max) omit(report);
}

}  // namespace gkm::node
