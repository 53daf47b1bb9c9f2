#include "actors/node/disk_budget.hpp"

#include <algorithm>

namespace gkm::node {
namespace {

// What a cache's files are like, on average, or larger.
constexpr uint64_t expected_file_bytes = 32 << 10;
constexpr uint64_t expected_fewest_inodes = 256;
constexpr uint64_t expected_bytes_per_inode = 2'560;  // its name, and half a block

uint64_t add(uint64_t a, uint64_t b) {
  return a > std::numeric_limits<uint64_t>::max() - b ? std::numeric_limits<uint64_t>::max()
                                                      : a + b;
}
uint64_t subtract(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

std::string size_text(uint64_t bytes) {
  constexpr int mebi = 20, kibi = 10, whole = 10;
  return bytes >> mebi >= whole ? std::to_string(bytes >> mebi) + " MiB"
                                : std::to_string(bytes >> kibi) + " KiB";
}

std::string name_of(const std::string& tenant) {
  return tenant.empty() ? "the cluster-scoped caches" : "namespace '" + tenant + "'";
}

}  // namespace

room room::operator+(const room& more) const {
  return {add(bytes, more.bytes), add(inodes, more.inodes)};
}
room room::operator-(const room& less) const {
  return {subtract(bytes, less.bytes), subtract(inodes, less.inodes)};
}
room larger(const room& a, const room& b) {
  return {std::max(a.bytes, b.bytes), std::max(a.inodes, b.inodes)};
}

room part_of(const share& part, const room& whole) {
  auto bytes = part.of(whole.bytes);
  if (whole.inodes == room::unlimited().inodes) return {bytes, whole.inodes};
  if (part.percent) return {bytes, part.of(whole.inodes)};
  auto of_whole =
      static_cast<double>(bytes) / static_cast<double>(std::max<uint64_t>(whole.bytes, 1));
  return {bytes, static_cast<uint64_t>(static_cast<double>(whole.inodes) * of_whole)};
}

std::string lacking(const room& used, const room& more, const room& limit) {
  std::string text;
  if (add(used.bytes, more.bytes) > limit.bytes)
    text = "it needs " + size_text(more.bytes) + ", and " + size_text(used.bytes) + " of " +
           size_text(limit.bytes) + " are taken";
  if (add(used.inodes, more.inodes) > limit.inodes)
    text += (text.empty() ? "it needs " : "; it needs ") + std::to_string(more.inodes) +
            " inodes, and " + std::to_string(used.inodes) + " of " + std::to_string(limit.inodes) +
            " are taken";
  return text;
}

room expected_room(uint64_t bytes) {
  auto inodes = expected_fewest_inodes + bytes / expected_file_bytes;
  return {add(bytes, inodes * expected_bytes_per_inode), inodes};
}

void disk_budget::claimed_by(const digest& d, std::set<std::string> tenants) {
  if (!tenants.empty()) return void(tenants_[d] = std::move(tenants));
  tenants_.erase(d);
  learned_.erase(d);
}

result<void> disk_budget::admit(const digest& d, const std::string& tenant) const {
  if (tenants_of(d).contains(tenant)) return {};
  return check_tenant(tenant, d, used_by(tenant), size_of(d));
}

result<void> disk_budget::stage(const std::string& dir, const room& said) {
  if (auto r = check_store(said); !r) return r;
  staged_[dir] = {{}, said, {}};
  return {};
}

result<void> disk_budget::begin(const std::string& dir, const digest& d, const room& said) {
  auto before = staged_.extract(dir);
  auto known = learned_.find(d);
  auto needed = known == learned_.end() ? said : larger(said, known->second);
  auto fits = check_store(needed);
  if (fits) fits = check_tenants(d, needed);
  if (!fits) {
    // The directory stays until it is discarded.
    if (before) staged_.insert(std::move(before));
    return fits;
  }
  staged_[dir] = {d, needed, {}};
  return {};
}

result<void> disk_budget::grow(const std::string& dir, const room& more) {
  auto it = staged_.find(dir);
  if (it == staged_.end()) return {};
  auto& s = it->second;
  auto written = s.written + more;
  auto extra = larger(written, s.counted()) - s.counted();
  if (extra != room{}) {
    if (auto r = check_store(extra); !r) return r;
    if (auto r = check_tenants(s.manifest, extra); !r) {
      learn(s.manifest, written);
      return r;
    }
  }
  s.written = written;
  return {};
}

void disk_budget::settle(const std::string& dir, const room& written) {
  auto it = staged_.find(dir);
  if (it == staged_.end()) return;
  it->second.written = written;
  it->second.said = written;
}

room disk_budget::written(const std::string& dir) const {
  auto it = staged_.find(dir);
  return it == staged_.end() ? room{} : it->second.written;
}

room disk_budget::used() const {
  room sum;
  for (const auto& [d, occupied] : stored_) sum = sum + occupied;
  for (const auto& [dir, s] : staged_) sum = sum + s.counted();
  return sum;
}

room disk_budget::used_by(const std::string& tenant) const {
  room sum;
  for (const auto& [d, tenants] : tenants_)
    if (tenants.contains(tenant))
      if (auto it = stored_.find(d); it != stored_.end()) sum = sum + it->second;
  for (const auto& [dir, s] : staged_)
    if (tenants_of(s.manifest).contains(tenant)) sum = sum + s.counted();
  return sum;
}

room disk_budget::still_to_come() const {
  room sum;
  for (const auto& [dir, s] : staged_) sum = sum + (s.said - s.written);
  return sum;
}

bool disk_budget::is_crowded() const {
  const share high{crowded_percent, true};
  return !used().fits_in({high.of(limits_.store.bytes), high.of(limits_.store.inodes)});
}

const std::set<std::string>& disk_budget::tenants_of(const digest& d) const {
  static const std::set<std::string> none;
  auto it = tenants_.find(d);
  return it == tenants_.end() ? none : it->second;
}

room disk_budget::size_of(const digest& d) const {
  room size;
  if (auto it = stored_.find(d); it != stored_.end()) size = it->second;
  for (const auto& [dir, s] : staged_)
    if (s.manifest == d) size = larger(size, s.counted());
  return size;
}

result<void> disk_budget::check_store(const room& more) const {
  auto taken = used();
  if ((taken + more).fits_in(limits_.store)) return {};
  return fail(errc::no_space,
              "Not enough room in the store: " + lacking(taken, more, limits_.store) + " (" +
                  limits_.store_setting + "): delete caches, or raise it");
}

result<void> disk_budget::check_tenant(const std::string& tenant, const digest& d, const room& used,
                                       const room& more) const {
  if ((used + more).fits_in(limits_.tenant)) return {};
  error e{errc::limit_exceeded,
          "No room for '" + d.brief() + "' in what " + name_of(tenant) +
              " may have on this node: " + lacking(used, more, limits_.tenant) + " (" +
              limits_.tenant_setting + "): delete caches there, or have it raised",
          over_limit_pause};
  return fail(std::move(e));
}

result<void> disk_budget::check_tenants(const digest& d, const room& more) const {
  result<void> refused;
  for (const auto& tenant : tenants_of(d)) {
    refused = check_tenant(tenant, d, used_by(tenant), more);
    if (refused) return refused;
  }
  return refused;
}

void disk_budget::learn(const digest& d, const room& at_least) {
  if (learned_.size() >= learned_max || tenants_of(d).empty()) return;
  auto& known = learned_[d];
  known = larger(known, at_least);
}

}  // namespace gkm::node
