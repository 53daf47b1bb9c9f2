/// Room on the node's disk, and who may use how much of it: the store has a limit, each tenant
/// (namespace; "" = cluster-scoped caches) has one, and a reserve of the file system stays free.
/// Arithmetic only; `disk_ledger` is what threads share.
///
/// A digest counts once for the store, and in full for each tenant that claims it. What is being
/// staged counts with what was said of it, or with what it has become if that is more.
#pragma once

#include "messages/digest.hpp"
#include "messages/quantity.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>

namespace gkm::node {

/// Bytes that files occupy, and their inodes.
struct room {
  uint64_t bytes = 0;
  uint64_t inodes = 0;

  static constexpr room unlimited() {
    return {std::numeric_limits<uint64_t>::max(), std::numeric_limits<uint64_t>::max()};
  }
  bool fits_in(const room& other) const { return bytes <= other.bytes && inodes <= other.inodes; }
  /// Sums stay at the largest number, differences at zero.
  room operator+(const room& more) const;
  room operator-(const room& less) const;
  bool operator==(const room&) const = default;
};

/// Each of them separately.
room larger(const room& a, const room& b);
/// The same part of the inodes as of the bytes.
room part_of(const share& part, const room& whole);
/// For people: "12 MiB", "1000 inodes" or both, where they do not fit into `limit`.
std::string lacking(const room& used, const room& more, const room& limit);

/// What a cache of so many bytes in its files is expected to take, names and rounding included.
room expected_room(uint64_t bytes);

/// How an administrator says it, each as a part of the file system.
struct disk_shares {
  static constexpr const char* store_key = "gkm.agent.store.size";
  static constexpr const char* tenant_key = "gkm.agent.store.namespace.size";
  static constexpr const char* reserve_key = "gkm.agent.store.reserve";

  share store{80, true};
  share tenant{50, true};
  share reserve{15, true};
  bool by_flag = false;  ///< people know them by their flags, not by the keys of gkm-config

  bool operator==(const disk_shares&) const = default;
};

struct disk_limits {
  room store = room::unlimited();
  room tenant = room::unlimited();
  room reserve;
  /// What the limits are called where they are set.
  std::string store_setting = "the store's size";
  std::string tenant_setting = "a namespace's share of the store";
  std::string reserve_setting = "the reserve";
};

/// From here on the store counts as crowded, and what nobody needs goes.
constexpr uint64_t crowded_percent = 90;
/// After so long a cache that was over a tenant's limit is tried again: there may be room by then.
constexpr std::chrono::seconds over_limit_pause{60};
/// Digests that are remembered as larger than what was said of them.
constexpr size_t learned_max = 4'096;

class disk_budget {
public:
  void limit(disk_limits limits) { limits_ = std::move(limits); }
  const disk_limits& limits() const { return limits_; }

  /// The digest is in the store, and takes so much.
  void put(const digest& d, const room& occupied) { stored_[d] = occupied; }
  void drop(const digest& d) { stored_.erase(d); }
  /// Who wants the digest now, whether it is here or not.
  void claimed_by(const digest& d, std::set<std::string> tenants);
  /// May this tenant claim the digest, with what is known of its size? errc::limit_exceeded with a
  /// pause if that is beyond the tenant's limit.
  result<void> admit(const digest& d, const std::string& tenant) const;

  /// A staging directory for something that is expected to take this much. errc::no_space if that
  /// is beyond the store's limit.
  result<void> stage(const std::string& dir, const room& said);
  /// What comes into the directory is this digest. Beyond the limits of all who claim it:
  /// errc::limit_exceeded with a pause. While one of them has room it is fetched.
  result<void> begin(const std::string& dir, const digest& d, const room& said);
  /// So much more is about to be written. As `begin`; a store that is full is errc::no_space.
  result<void> grow(const std::string& dir, const room& more);
  /// Nothing more will be: this is what was.
  void settle(const std::string& dir, const room& written);
  room written(const std::string& dir) const;
  void discard(const std::string& dir) { staged_.erase(dir); }

  room used() const;
  room used_by(const std::string& tenant) const;
  /// Said of what is being staged, but not written yet.
  room still_to_come() const;
  bool is_crowded() const;
  /// Whether it is worth making room for, whoever asks.
  bool can_ever_fit(const room& said) const {
    return said.fits_in(limits_.store) && said.fits_in(limits_.tenant);
  }

private:
  struct staged {
    digest manifest;
    room said;
    room written;
    room counted() const { return larger(said, written); }
  };

  const std::set<std::string>& tenants_of(const digest& d) const;
  room size_of(const digest& d) const;
  result<void> check_store(const room& more) const;
  result<void> check_tenant(const std::string& tenant, const digest& d, const room& used,
                            const room& more) const;
  result<void> check_tenants(const digest& d, const room& more) const;
  void learn(const digest& d, const room& at_least);

  disk_limits limits_;
  std::map<digest, room> stored_;
  std::map<std::string, staged> staged_;
  std::map<digest, std::set<std::string>> tenants_;
  std::map<digest, room> learned_;  ///< what was too large takes at least this, while it is claimed
};

}  // namespace gkm::node
