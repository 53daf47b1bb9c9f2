/// Turns by tenant: a queue for a few places that no tenant can fill alone. A tenant is a
/// namespace; cluster-scoped caches, whose namespace is empty, are one more. Pure, for one thread;
/// what runs in the places is the caller's.
///
/// The next turn goes to the tenant that holds the fewest places, among equals to the one whose
/// last turn is the longest ago, and in a tenant to what has waited longest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gkm::base {

/// Counts of items. `places_of_one` below `places` keeps a place free for a newcomer.
struct turn_limits {
  size_t places = 1;
  size_t places_of_one = 1;
  size_t waiting = SIZE_MAX;
  size_t waiting_of_one = SIZE_MAX;
};

enum class turn_entry : uint8_t { queued, full, tenant_full };

/// `Item` is copyable and compares equal to itself alone.
template <class Item>
class turns {
public:
  struct turn {
    std::string tenant;
    Item item;
  };

  explicit turns(turn_limits limits) : limits_(limits) {}

  /// The same item may wait for several tenants: the first turn of any of them takes it from all.
  turn_entry push(const std::string& tenant, Item item) {
    if (waiting_ >= limits_.waiting) return turn_entry::full;
    if (auto at = lines_.find(tenant);
        at != lines_.end() && at->second.waiting.size() >= limits_.waiting_of_one)
      return turn_entry::tenant_full;
    // A tenant that comes anew is behind all who wait already, so that none gains by coming and
    // going.
    lines_.try_emplace(tenant, line{{}, 0, clock_})
        .first->second.waiting.push_back(std::move(item));
    ++waiting_;
    return turn_entry::queued;
  }

  /// Whoever is next, now in a place of its tenant's. Nothing if nobody waits, or may go.
  std::optional<turn> next() {
    if (taken_ >= limits_.places) return std::nullopt;
    auto best = lines_.end();
    for (auto it = lines_.begin(); it != lines_.end(); ++it)
      if (may_go(it->second) && (best == lines_.end() || before(it->second, best->second)))
        best = it;
    if (best == lines_.end()) return std::nullopt;
    turn out{best->first, best->second.waiting.front()};
    ++best->second.taken;
    ++taken_;
    best->second.last_turn = ++clock_;
    remove(out.item);
    return out;
  }

  /// A place that `next` gave to this tenant is free again.
  void done(const std::string& tenant) {
    auto at = lines_.find(tenant);
    if (at == lines_.end() || at->second.taken == 0) return;
    --at->second.taken;
    --taken_;
    forget_idle(at);
  }

  /// Takes an item that waits out of every line. False if it did not wait.
  bool remove(const Item& item) {
    auto before = waiting_;
    for (auto it = lines_.begin(); it != lines_.end();) {
      auto& line = it->second.waiting;
      waiting_ -= static_cast<size_t>(std::erase(line, item));
      it = forget_idle(it);
    }
    return waiting_ < before;
  }

  /// Takes it out of the line of this tenant alone.
  bool remove(const std::string& tenant, const Item& item) {
    auto at = lines_.find(tenant);
    if (at == lines_.end()) return false;
    auto gone = static_cast<size_t>(std::erase(at->second.waiting, item));
    waiting_ -= gone;
    forget_idle(at);
    return gone > 0;
  }

  /// Empties every line; the places that are taken stay so. An item may be there more than once.
  std::vector<Item> take_waiting() {
    std::vector<Item> out;
    for (auto it = lines_.begin(); it != lines_.end(); it = forget_idle(it)) {
      auto& line = it->second.waiting;
      std::move(line.begin(), line.end(), std::back_inserter(out));
      line.clear();
    }
    waiting_ = 0;
    return out;
  }

  /// True if somebody waits who could go, were a place free: a place held is a place denied.
  bool contended() const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [this](const auto& one) { return may_go(one.second); });
  }

  size_t waiting() const { return waiting_; }
  size_t waiting_of(const std::string& tenant) const {
    auto at = lines_.find(tenant);
    return at == lines_.end() ? 0 : at->second.waiting.size();
  }
  size_t taken() const { return taken_; }
  /// Tenants that wait or hold a place.
  size_t tenants() const { return lines_.size(); }

private:
  struct line {
    std::deque<Item> waiting;
    size_t taken = 0;
    uint64_t last_turn = 0;
  };

  bool may_go(const line& one) const {
    return !one.waiting.empty() && one.taken < limits_.places_of_one;
  }
  static bool before(const line& a, const line& b) {
    return std::pair(a.taken, a.last_turn) < std::pair(b.taken, b.last_turn);
  }

  using lines = std::map<std::string, line>;
  typename lines::iterator forget_idle(typename lines::iterator at) {
    return at->second.waiting.empty() && at->second.taken == 0 ? lines_.erase(at) : std::next(at);
  }

  const turn_limits limits_;
  lines lines_;
  size_t waiting_ = 0;
  size_t taken_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace gkm::base
