#include "actors/operator/report_memory.hpp"

#include <algorithm>
#include <utility>

namespace gkm::op {
namespace {

/// How often words are dropped before it is looked whether there is room again.
constexpr size_t refusals_between_counts = 1'024;

bool has_words(const node_holding& holding) {
  return std::any_of(holding.digests.begin(), holding.digests.end(),
                     [](const auto& hold) { return !hold.message.empty(); });
}

}  // namespace

size_t report_memory::by_content::operator()(const node_holding& holding) const {
  constexpr size_t factor = 1'099'511'628'211U;  // FNV-1a
  size_t sum = holding.digests.size();
  for (const auto& hold : holding.digests) {
    sum = (sum ^ std::hash<std::string>{}(hold.resolved.hex)) * factor;
    sum = (sum ^ (hold.pods * 16U + static_cast<size_t>(hold.state) * 2U + hold.fits)) * factor;
    if (!hold.message.empty()) sum = (sum ^ std::hash<std::string>{}(hold.message)) * factor;
  }
  return sum;
}

bool report_memory::may_keep_words() {
  if (worded_ < worded_holdings_max) return true;
  if (refused_++ % refusals_between_counts != 0) return false;
  holdings_.sweep();
  worded_ = holdings_.count_if(has_words);
  return worded_ < worded_holdings_max;
}

shared_holding report_memory::share(const node_holding& holding) {
  if (!has_words(holding) || holdings_.contains(holding)) return holdings_.share(holding);
  if (may_keep_words()) {
    ++worded_;
    return holdings_.share(holding);
  }
  auto wordless = holding;
  for (auto& hold : wordless.digests) hold.message.clear();
  return holdings_.share(wordless);
}

/// Both are in order of names: one pass finds what came, went and changed.
bool report_memory::put(const report_summary& report, const change& changed) {
  auto [at, fresh] = reports_[report.ns].try_emplace(report.node);
  auto& before = at->second;
  report_rows now;
  now.reserve(report.caches.size());
  auto old = before.begin();
  for (const auto& [name, holding] : report.caches) {
    for (; old != before.end() && *old->cache < name; ++old) changed(*old->cache, nullptr);
    bool known = old != before.end() && *old->cache == name;
    if (known && *old->holding == holding) {
      now.push_back(std::move(*old++));
      continue;
    }
    now.push_back({known ? old->cache : names_.share(name), share(holding)});
    bool same = known && old->holding == now.back().holding;  // but for words that were dropped
    old += known;
    if (!same) changed(name, now.back().holding);
  }
  for (; old != before.end(); ++old) changed(*old->cache, nullptr);
  rows_ += now.size();
  rows_ -= before.size();
  before = std::move(now);
  return fresh;
}

bool report_memory::remove(const std::string& ns, const std::string& node, const change& changed) {
  auto of_namespace = reports_.find(ns);
  if (of_namespace == reports_.end()) return false;
  auto at = of_namespace->second.find(node);
  if (at == of_namespace->second.end()) return false;
  auto before = std::move(at->second);
  of_namespace->second.erase(at);
  if (of_namespace->second.empty()) reports_.erase(of_namespace);
  rows_ -= before.size();
  for (const auto& row : before) changed(*row.cache, nullptr);
  return true;
}

shared_holding report_memory::find(const std::string& ns, const std::string& node,
                                   const std::string& cache) const {
  auto of_namespace = reports_.find(ns);
  if (of_namespace == reports_.end()) return nullptr;
  auto at = of_namespace->second.find(node);
  if (at == of_namespace->second.end()) return nullptr;
  const auto& all = at->second;
  auto row =
      std::lower_bound(all.begin(), all.end(), cache,
                       [](const held& h, const std::string& name) { return *h.cache < name; });
  return row != all.end() && *row->cache == cache ? row->holding : nullptr;
}

}  // namespace gkm::op
