#include "actors/csi/scratch/scratch_budget.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace gkm::csi {
namespace {

uint64_t sum(uint64_t a, uint64_t b) { return b > UINT64_MAX - a ? UINT64_MAX : a + b; }

std::string pod_of(const volume_record& r) {
  if (!r.pod_uid.empty()) return r.pod_uid;
  return r.pod_name.empty() ? r.volume_id : r.pod_ns + '/' + r.pod_name;
}

std::string allowed(const share& limit, const disk_room& disk, const char* setting) {
  auto text = size_text(limit.of(disk.whole)) + " by '" + setting + "' in gkm-config";
  if (limit.percent) text += " (" + limit.str() + " of the node's file system)";
  return text;
}

}  // namespace

std::string size_text(uint64_t bytes) {
  constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1'024 && unit + 1 < units.size(); ++unit) value /= 1'024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text.data();
}

void scratch_budget::set(const scratch_limits& limits) {
  std::lock_guard lock(mutex_);
  limits_ = limits;
}

scratch_budget::account scratch_budget::account_of(const std::string& key, const volume_record& r) {
  account a;
  a.owner = {key, r.volume_id, r.target, r.scratch_bytes};
  a.pod = pod_of(r);
  a.ns = r.pod_ns;
  a.asked = r.scratch_bytes > default_scratch_bytes;
  return a;
}

void scratch_budget::count(const account& a, bool added) {
  auto weight = a.weight();
  for (auto* sums : {&pods_, &namespaces_}) {
    const auto& whose = sums == &pods_ ? a.pod : a.ns;
    auto& all = (*sums)[whose];
    all = added ? sum(all, weight) : all - std::min(all, weight);
    if (all == 0) sums->erase(whose);
  }
}

template <class Change>
void scratch_budget::change(account& a, Change how) {
  count(a, false);
  how(a);
  count(a, true);
}

std::vector<scratch_budget::level> scratch_budget::levels_of(const account& a,
                                                             const disk_room& disk) const {
  auto used_by = [](const auto& sums, const std::string& whose) {
    auto at = sums.find(whose);
    return at == sums.end() ? 0 : at->second;
  };
  uint64_t node = 0;
  auto of_one = limits_.ns ? limits_.ns->of(disk.whole) : UINT64_MAX;
  // What one namespace wrote beyond its limit is held against nobody else.
  for (const auto& [ns, used] : namespaces_)
    node = sum(node, ns == a.ns ? used : std::min(used, of_one));
  return {{limits_.pod, scratch_setting::pod, "the pod's volumes", used_by(pods_, a.pod)},
          {limits_.ns, scratch_setting::ns, "volumes of namespace '" + a.ns + "' on this node",
           used_by(namespaces_, a.ns)},
          {limits_.node, scratch_setting::node, "all volumes on this node", node}};
}

result<void> scratch_budget::check(const account& a, uint64_t more, const disk_room& disk) const {
  for (const auto& l : levels_of(a, disk)) {
    if (!l.limit) continue;
    auto most = l.limit->of(disk.whole);
    bool full = more == 0 ? l.used >= most : sum(l.used, more) > most;
    if (full)
      return fail(errc::limit_exceeded,
                  "Cannot give the volume room to write: " + l.whose + " have " +
                      size_text(l.used) +
                      (more ? ", with it " + size_text(sum(l.used, more)) : "") +
                      ", and are allowed " + allowed(*l.limit, disk, l.setting) +
                      "; pods that end, or a smaller csi.gkm.io/scratchSize, make room");
  }
  return {};
}

result<uint64_t> scratch_budget::admit(const std::string& key, const volume_record& record) {
  auto disk = disk_();
  std::lock_guard lock(mutex_);
  if (auto at = accounts_.find(key); at != accounts_.end()) {
    count(at->second, false);
    accounts_.erase(at);
  }
  auto a = account_of(key, record);
  auto most = limits_.volume ? limits_.volume->of(disk.whole) : UINT64_MAX;
  bool by_default = record.scratch_bytes == 0 || record.scratch_bytes == default_scratch_bytes;
  if (!by_default && a.owner.granted > most)
    return fail(errc::limit_exceeded, "Cannot give the volume " + size_text(a.owner.granted) +
                                          " to write: a volume is allowed " +
                                          allowed(*limits_.volume, disk, scratch_setting::volume) +
                                          "; ask for less with csi.gkm.io/scratchSize");
  if (auto fits = check(a, by_default ? 0 : a.owner.granted, disk); !fits)
    return fail(fits.error());
  if (by_default) {
    for (const auto& l : levels_of(a, disk))
      if (l.limit) most = std::min(most, l.limit->of(disk.whole) - l.used);
    bool limited = most != UINT64_MAX;
    if (limited && (a.owner.granted == 0 || a.owner.granted > most)) a.owner.granted = most;
  }
  auto granted = a.owner.granted;
  count(a, true);
  accounts_.emplace(key, std::move(a));
  return granted;
}

void scratch_budget::adopt(const std::string& key, const volume_record& record) {
  std::lock_guard lock(mutex_);
  if (accounts_.contains(key)) return;
  auto a = account_of(key, record);
  count(a, true);
  accounts_.emplace(key, std::move(a));
}

void scratch_budget::close(const std::string& key) {
  std::lock_guard lock(mutex_);
  auto at = accounts_.find(key);
  if (at == accounts_.end()) return;
  count(at->second, false);
  accounts_.erase(at);
}

result<void> scratch_budget::spend(const std::string& key, uint64_t bytes) {
  if (bytes == 0) return {};
  auto disk = disk_();
  std::lock_guard lock(mutex_);
  auto at = accounts_.find(key);
  if (at == accounts_.end()) return {};
  auto& a = at->second;
  if (limits_.reserve && disk.free < sum(bytes, limits_.reserve->of(disk.whole)))
    return fail(errc::no_space, "Cannot write the volume's files: " + size_text(disk.free) +
                                    " are free on the node's file system, and it keeps " +
                                    allowed(*limits_.reserve, disk, scratch_setting::reserve));
  auto before = a.weight();
  auto after = account(a);
  after.spent = sum(after.spent, bytes);
  if (auto more = after.weight() - before; more > 0)
    if (auto fits = check(a, more, disk); !fits) return fits;
  change(a, [&](account& one) { one.spent = after.spent; });
  return {};
}

void scratch_budget::found(const std::string& key, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (auto at = accounts_.find(key); at != accounts_.end())
    change(at->second, [&](account& one) { one.found = bytes; });
}

std::optional<uint64_t> scratch_budget::used(const std::string& key) const {
  std::lock_guard lock(mutex_);
  auto at = accounts_.find(key);
  return at == accounts_.end() ? std::nullopt : std::optional(at->second.used());
}

std::optional<scratch_owner> scratch_budget::next() {
  std::lock_guard lock(mutex_);
  auto best = accounts_.end();
  auto rank = [this](const account& a) {
    auto turn = turns_.find(a.ns);
    return std::pair(turn == turns_.end() ? 0 : turn->second, a.looked_at);
  };
  for (auto it = accounts_.begin(); it != accounts_.end(); ++it)
    if (best == accounts_.end() || rank(it->second) < rank(best->second)) best = it;
  if (best == accounts_.end()) return std::nullopt;
  ++looks_;
  best->second.looked_at = looks_;
  // Namespaces without volumes are forgotten.
  std::map<std::string, uint64_t> still;
  for (const auto& [key, a] : accounts_)
    if (auto turn = turns_.find(a.ns); turn != turns_.end()) still.insert(*turn);
  turns_ = std::move(still);
  turns_[best->second.ns] = looks_;
  return best->second.owner;
}

}  // namespace gkm::csi
