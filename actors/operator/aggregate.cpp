#include "actors/operator/aggregate.hpp"

#include "messages/assert.hpp"

#include <utility>

namespace gkm::op {
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

}  // namespace

void aggregate::set(const node_row& now) {
  bool has_row = now.holding || now.standing.wanted;
  auto at = rows_.find(now.node);
  if (at == rows_.end() && !has_row) return;
  if (at == rows_.end()) at = rows_.try_emplace(now.node).first;
  auto& r = at->second;
  subtract(share_of(r));
  auto before = r.is_in;
  r.holding = now.holding;
  r.standing = now.standing;
  auto s = share_of(r);
  add(s);
  r.is_in = s.is_in;
  auto name = at->first;
  if (!has_row) rows_.erase(at);
  move(name, before, s.is_in);
  GKM_ASSERT(counts_.nodes <= rows_.size() && ready_ <= counts_.nodes);
}

void aggregate::set_current(const digest& resolved) {
  if (resolved == current_) return;
  current_ = resolved;
  counts_ = {};
  ready_ = 0;
  for (auto& [node, r] : rows_) {
    auto s = share_of(r);
    add(s);
    r.is_in = s.is_in;
  }
  for (size_t i = 0; i < list_count; ++i) list_anew(static_cast<list>(i));
}

aggregate::share aggregate::share_of(const row& r) const {
  ++looks_;
  share s;
  if (!r.standing.alive) return s;
  auto& [waiting, failed, unfit, holding, mounted, stuck] = s.is_in;
  const digest_hold* now = nullptr;
  bool extracted = false;
  static const node_holding nothing;
  for (const auto& hold : (r.holding ? *r.holding : nothing).digests) {
    bool is_current = !current_.empty() && hold.resolved == current_;
    if (is_current) now = &hold;
    (is_current ? s.counts.pods_running : s.counts.pods_outdated) += hold.pods;
    extracted |= hold.state == hold_state::extracted;
    stuck |= hold.state == hold_state::unload_error;
    // Of what suits no GPU of it a node keeps no more than the words.
    holding |= hold.fits || hold.pods > 0;
  }
  mounted = s.counts.pods_running + s.counts.pods_outdated > 0;
  bool error = now && now->state == hold_state::error;
  if (r.standing.wanted) {
    unfit = now ? !now->fits : !r.standing.has_gpu;
    s.ready = !unfit && now && now->state == hold_state::extracted;
    failed = !unfit && error;
    waiting = !unfit && !s.ready && !failed;
  }
  s.counts.nodes = r.standing.wanted || holding;
  s.counts.nodes_in_use = mounted;
  s.counts.nodes_error = error || unfit;
  s.counts.nodes_not_in_use = extracted && !mounted && !error;
  return s;
}

void aggregate::add(const share& s) {
  for_each_count(counts_, s.counts, [](uint32_t& to, uint32_t n) { to += n; });
  ready_ += s.ready;
}

void aggregate::subtract(const share& s) {
  for_each_count(counts_, s.counts, [](uint32_t& to, uint32_t n) {
    GKM_ASSERT(to >= n);
    to -= n;
  });
  GKM_ASSERT(ready_ >= s.ready);
  ready_ -= s.ready;
}

void aggregate::move(const shared_text& node, const membership& from, const membership& to) {
  for (size_t i = 0; i < list_count; ++i) {
    if (from[i] == to[i]) continue;
    if (to[i])
      lists_[i].insert(node);
    else
      lists_[i].erase(node);
    if (lists_[i].is_short()) list_anew(static_cast<list>(i));
  }
}

void aggregate::list_anew(list which) {
  std::vector<const shared_text*> all;
  for (const auto& [node, r] : rows_)
    if (r.is_in[which]) all.push_back(&node);
  lists_[which].list(std::move(all));
}

std::string aggregate::why(const shared_text& node) const {
  auto at = rows_.find(node);
  if (at == rows_.end() || !at->second.holding) return {};
  for (const auto& hold : at->second.holding->digests)
    if (!hold.message.empty() &&
        (hold.resolved == current_ || hold.state == hold_state::unload_error))
      return hold.message;
  return {};
}

}  // namespace gkm::op
