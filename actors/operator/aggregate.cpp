#include "actors/operator/aggregate.hpp"

#include <utility>

namespace gkm::cluster {
namespace {

template <class F>
void for_each_count(cache_counts& to, const cache_counts& from, F f) {
  f(to.nodes, from.nodes);
  f(to.nodes_in_use, from.nodes_in_use);
  f(to.nodes_not_in_use, from.nodes_not_in_use);
  f(to.nodes_error, from.nodes_error);
  f(to.pods_running, from.pods_running);
  f(to.pods_outdated, from.pods_outdated);
}

void mark(aggregate::names& names, std::string_view node, bool is_one) {
  if (is_one) names.insert(node);
}

void unmark(aggregate::names& names, std::string_view node, bool was_one) {
  if (was_one) names.erase(node);
}

}  // namespace

template <class Change>
void aggregate::change(const std::string& node, Change change) {
  auto at = rows_.try_emplace(node).first;
  subtract(at->first, share_of(at->second));
  change(at->second);
  add(at->first, share_of(at->second));
  const auto& r = at->second;
  if (r.holding.empty() && !r.standing.alive && !r.standing.wanted) rows_.erase(at);
}

void aggregate::set_standing(const node_standing& standing) {
  change(standing.name, [&](row& r) { r.standing = standing; });
}

void aggregate::set_holding(const std::string& node, node_holding holding) {
  change(node, [&](row& r) { r.holding = std::move(holding); });
}

void aggregate::set_current(const digest& resolved) {
  if (resolved == current_) return;
  for (const auto& [node, r] : rows_) subtract(node, share_of(r));
  current_ = resolved;
  for (const auto& [node, r] : rows_) add(node, share_of(r));
}

aggregate::share aggregate::share_of(const row& r) const {
  ++looks_;
  share s;
  if (!r.standing.alive) return s;
  const digest_hold* now = nullptr;
  bool extracted = false;
  for (const auto& hold : r.holding.digests) {
    bool is_current = !current_.empty() && hold.resolved == current_;
    if (is_current) now = &hold;
    (is_current ? s.counts.pods_running : s.counts.pods_outdated) += hold.pods;
    extracted |= hold.state == hold_state::extracted;
    s.stuck |= hold.state == hold_state::unload_error;
    // Of what suits no GPU of it a node keeps no more than the words.
    s.holding |= hold.fits || hold.pods > 0;
  }
  s.mounted = s.counts.pods_running + s.counts.pods_outdated > 0;
  bool error = now && now->state == hold_state::error;
  if (r.standing.wanted) {
    s.unfit = now ? !now->fits : !r.standing.has_gpu;
    s.ready = !s.unfit && now && now->state == hold_state::extracted;
    s.failed = !s.unfit && error;
    s.waiting = !s.unfit && !s.ready && !s.failed;
  }
  s.counts.nodes = r.standing.wanted || s.holding;
  s.counts.nodes_in_use = s.mounted;
  s.counts.nodes_error = error || s.unfit;
  s.counts.nodes_not_in_use = extracted && !s.mounted && !error;
  return s;
}

void aggregate::add(std::string_view node, const share& s) {
  for_each_count(counts_, s.counts, [](uint32_t& to, uint32_t n) { to += n; });
  ready_ += s.ready;
  mark(waiting_, node, s.waiting);
  mark(failed_, node, s.failed);
  mark(unfit_, node, s.unfit);
  mark(holding_, node, s.holding);
  mark(mounted_, node, s.mounted);
  mark(stuck_, node, s.stuck);
}

void aggregate::subtract(std::string_view node, const share& s) {
  for_each_count(counts_, s.counts, [](uint32_t& to, uint32_t n) { to -= n; });
  ready_ -= s.ready;
  unmark(waiting_, node, s.waiting);
  unmark(failed_, node, s.failed);
  unmark(unfit_, node, s.unfit);
  unmark(holding_, node, s.holding);
  unmark(mounted_, node, s.mounted);
  unmark(stuck_, node, s.stuck);
}

std::string aggregate::why(std::string_view node) const {
  auto at = rows_.find(node);
  if (at == rows_.end()) return {};
  for (const auto& hold : at->second.holding.digests)
    if (!hold.message.empty() &&
        (hold.resolved == current_ || hold.state == hold_state::unload_error))
      return hold.message;
  return {};
}

std::string list_some(const aggregate::names& names) {
  constexpr size_t shown_max = 3;
  std::string text;
  size_t shown = 0;
  for (auto at = names.begin(); at != names.end() && shown < shown_max; ++at, ++shown)
    text += (shown == 0 ? "" : ", ") + std::string(*at);
  if (names.size() > shown) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

}  // namespace gkm::cluster
