#include "actors/agent/report_entries.hpp"

#include "messages/limits.hpp"
#include "messages/names.hpp"
#include "messages/printable.hpp"

#include <algorithm>
#include <set>

namespace gkm::node {
namespace {

// As deploy/crd has them.
constexpr size_t max_message_bytes = 1'024;
constexpr size_t max_reason_bytes = 1'000;

/// "not_found" as conditions have it: "NotFound".
std::string camel_case(std::string_view words) {
  std::string out;
  bool begins = true;
  for (char c : words) {
    if (c == '_') {
      begins = true;
      continue;
    }
    out += begins && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    begins = false;
  }
  return out;
}

report_entry make_entry(std::string_view state, std::string reason, std::string_view message) {
  report_entry entry;
  entry.conditions.push_back({std::string(state), condition_status::yes, std::move(reason),
                              limits::cut(message, max_message_bytes), 0, 0});
  return entry;
}

void put_match(report_entry& entry, const match_result& match) {
  for (const auto& g : match.gpus) {
    if (g.compatible)
      entry.compatible_gpus.push_back(g.id);
    else
      entry.incompatible_gpus.push_back({g.id, false, limits::cut(g.reason, max_reason_bytes)});
  }
}

digest wanted_by(const cache_view& view) {
  if (!view.status) return view.wanted ? view.wanted->image.pinned : digest{};
  auto image = image_ref::parse(view.status->image);
  return image && !image->pinned.empty() ? image->pinned : view.status->resolved;
}

bool is_ready(const cache_status& s) {
  return s.state == cache_state::extracted || s.state == cache_state::running;
}

std::string words_of(const cache_status& s) {
  auto words = s.message;
  for (const auto& w : s.warnings) words += (words.empty() ? "" : "; ") + w;
  return words;
}

using pods_by_manifest = std::map<digest, std::vector<pod_use>>;

pods_by_manifest pods_of(const cache_view& view) {
  pods_by_manifest pods;
  for (const auto& [id, v] : view.volumes)
    if (!v.manifest.empty()) pods[v.manifest].push_back({v.pod_ns, v.pod_name, id});
  for (auto& [manifest, uses] : pods) std::sort(uses.begin(), uses.end());
  return pods;
}

/// `current`: what is served is what is wanted.
report_entry entry_of_wanted(const cache_status& s, bool current, bool used) {
  if (is_ready(s) && current) {
    auto state = used ? conditions::running : conditions::extracted;
    auto entry = make_entry(state, std::string(state), words_of(s));
    put_match(entry, s.match);
    entry.volume_bytes = s.stored.bytes;
    return entry;
  }
  if (s.state != cache_state::error)
    return make_entry(conditions::pending, std::string(conditions::pending), s.message);
  auto entry = make_entry(conditions::error, camel_case(to_string(s.code)), words_of(s));
  // Of any other failure the verdict is about what was there before.
  if (s.code == errc::incompatible) put_match(entry, s.match);
  return entry;
}

/// After a restart nothing but the report tells which digest a mounted manifest goes by.
digest name_of(const digest& manifest, const cache_view& view, const std::vector<pod_use>& pods,
               const report_entries& seen) {
  auto known = view.facts.find(manifest);
  if (known != view.facts.end()) return known->second.resolved;
  for (const auto& [name, entry] : seen)
    for (const auto& use : entry.pods)
      if (std::binary_search(pods.begin(), pods.end(), use)) return name;
  return manifest;
}

report_entry entry_of_other(const digest& manifest, const cache_view& view,
                            const report_entry* seen) {
  bool replaced = view.wanted || view.status;
  auto state = replaced ? conditions::outdated : conditions::running;
  bool stands_in = view.status && view.status->state == cache_state::error &&
                   view.status->stored.manifest == manifest;
  auto entry = make_entry(state, std::string(state),
                          stands_in  ? "another image is wanted by now and cannot be used here; "
                                       "pods get this one meanwhile"
                          : replaced ? "another image is wanted by now"
                                     : "the cache is wanted no more; it stays until pods end");
  auto known = view.facts.find(manifest);
  if (known != view.facts.end()) {
    put_match(entry, known->second.match);
    entry.volume_bytes = known->second.bytes;
  } else if (seen) {
    entry.compatible_gpus = seen->compatible_gpus;
    entry.incompatible_gpus = seen->incompatible_gpus;
    entry.volume_bytes = seen->volume_bytes;
  }
  return entry;
}

const report_entry* find(const report_entries& in, const digest& name) {
  auto at = in.find(name);
  return at == in.end() ? nullptr : &at->second;
}

void put_times(report_entry& entry, const report_entry* seen, int64_t now) {
  if (entry.conditions.empty()) return;  // taken over from what somebody else wrote
  auto& c = entry.conditions.front();
  const auto* before = seen ? find_condition(seen->conditions, c.name) : nullptr;
  bool same = before && before->status == c.status && before->changed_unix_s != 0;
  c.changed_unix_s = same ? before->changed_unix_s : now;
  entry.updated_unix_s = seen ? seen->updated_unix_s : 0;
  if (!seen || entry != *seen || entry.updated_unix_s == 0) entry.updated_unix_s = now;
}

/// That something has begun is no news: everybody expects it.
bool is_news(const report_entry* before, const report_entry& now) {
  static const report_entry nothing;
  const auto& then = before ? *before : nothing;
  bool other_state = state_of(then) != state_of(now) && state_of(now) != conditions::pending;
  return other_state || then.pods != now.pods || then.pod_count != now.pod_count;
}

}  // namespace

void learn(cache_view& view, const cache_status& status) {
  view.status = status;
  const auto& stored = status.stored;
  if (!stored.manifest.empty() && is_ready(status))
    view.facts[stored.manifest] = {status.resolved, stored.bytes, status.match};
  std::erase_if(view.facts, [&](const auto& known) {
    return known.first != stored.manifest &&
           std::none_of(view.volumes.begin(), view.volumes.end(),
                        [&](const auto& v) { return v.second.manifest == known.first; });
  });
}

report_entries entries_of(const cache_view& view, const report_entries& seen,
                          const std::string& waiting_for) {
  report_entries out;
  auto pods = pods_of(view);
  auto wanted = wanted_by(view);
  digest served = view.status ? view.status->stored.manifest : digest{};
  if (view.status && !wanted.empty()) {
    bool current = view.status->resolved == wanted && !served.empty();
    out[wanted] = entry_of_wanted(*view.status, current, pods.contains(served));
    if (!current && !served.empty()) pods[served];  // listed, pods or not
  } else if (view.wanted) {
    // Its actor has not spoken yet: what an earlier life said may still hold.
    out = seen;
    if (out.contains(wanted)) return out;
    out[wanted] = make_entry(conditions::pending, std::string(conditions::pending), waiting_for);
    return out;
  }
  for (auto& [manifest, uses] : pods) {
    auto name = manifest == served && view.status->resolved == wanted
                    ? wanted
                    : name_of(manifest, view, uses, seen);
    auto [at, fresh] = out.try_emplace(name);
    if (fresh) at->second = entry_of_other(manifest, view, find(seen, name));
    at->second.pods.insert(at->second.pods.end(), uses.begin(), uses.end());
  }
  return out;
}

void put_times(report_entries& entries, const report_entries& seen, int64_t now_unix_s) {
  for (auto& [name, entry] : entries) put_times(entry, find(seen, name), now_unix_s);
}

std::string_view state_of(const report_entry& entry) {
  for (const auto& c : entry.conditions)
    if (c.status == condition_status::yes) return c.name;
  return {};
}

cache_counts counts_of(const std::map<std::string, report_entries>& caches) {
  using pod = std::pair<std::string_view, std::string_view>;
  std::set<pod> current, old;
  size_t current_unlisted = 0, old_unlisted = 0;
  cache_counts counts;
  counts.nodes = 1;
  for (const auto& [name, entries] : caches) {
    for (const auto& [d, entry] : entries) {
      auto state = state_of(entry);
      if (state == conditions::error) counts.nodes_error = 1;
      for (const auto& use : entry.pods)
        (state == conditions::outdated ? old : current).insert({use.ns, use.name});
      // Only what an earlier life left out.
      if (entry.pod_count != 0)
        (state == conditions::outdated ? old_unlisted : current_unlisted) +=
            count_pods(entry) - count_listed_pods(entry);
    }
  }
  counts.pods_running = static_cast<uint32_t>(current.size() + current_unlisted);
  counts.pods_outdated = static_cast<uint32_t>(old.size() + old_unlisted);
  bool used = counts.pods_running + counts.pods_outdated > 0;
  counts.nodes_in_use = used ? 1 : 0;
  counts.nodes_not_in_use = !used && !caches.empty() ? 1 : 0;
  return counts;
}

bool is_urgent(const node_report& seen, const node_report& wanted) {
  if (seen.gpus != wanted.gpus) return true;
  static const report_entries none;
  auto of = [](const node_report& r, const std::string& name) -> const report_entries& {
    auto at = r.caches.find(name);
    return at == r.caches.end() ? none : at->second;
  };
  for (const auto& [name, entries] : wanted.caches)
    for (const auto& [d, entry] : entries)
      if (is_news(find(of(seen, name), d), entry)) return true;
  return std::any_of(seen.caches.begin(), seen.caches.end(), [&](const auto& before) {
    const auto& now = of(wanted, before.first);
    return std::any_of(before.second.begin(), before.second.end(),
                       [&](const auto& entry) { return !now.contains(entry.first); });
  });
}

}  // namespace gkm::node
