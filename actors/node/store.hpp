/// The store's owner: which digests are on this disk, who needs them, and the catalog beside them.
///
// clang-format off
///   absent ──commit──▶ committing ──renamed──▶ present ──not needed──▶ removing ──gone──▶ absent
///                                                  ▲ │                    │
///                                                  │ └─damaged─▶ removing  │
///                                                  └──────────busy────────┘
// clang-format on
/// A digest is needed while a cache claims it or a volume pins it. What is not needed stays for a
/// while, in case that it is wanted again, unless space is short. It is removed only after
/// `collect` was said once: all wanted caches and all volumes have had their say. The disk may
/// still know of a volume that is not pinned yet, and answers busy. A commit that arrives while a
/// digest is being removed or committed waits until that is over.
///
/// What is claimed or pinned is looked at first (names and sizes), and all that is here every day
/// (each byte): what is damaged leaves the store, and whoever claims it hears of that and pulls it
/// again.
///
/// Who claims a digest counts it in full (disk_budget.hpp), and is refused what is over its limit.
/// Where room is lacking, or the store is crowded, what is not needed goes at once, the least
/// recently used first.
#pragma once

#include "actors/node/disk_ledger.hpp"
#include "actors/node/ports.hpp"
#include "messages/actors/interfaces.hpp"

#include <map>
#include <optional>
#include <set>

namespace gkm::node {

/// When every byte of the store is compared with what was written, one digest after the other.
struct scrub_times {
  std::chrono::seconds first{60};            ///< after the start
  std::chrono::seconds between{10};          ///< two digests
  std::chrono::seconds round{24 * 60 * 60};  ///< from the end of one round to the next
};

/// How long an agent keeps what nobody needs: a selector that goes back and forth moves no bytes.
constexpr std::chrono::seconds unneeded_kept{300};

/// Nothing where nothing may be read.
inline std::optional<scrub_times> scrub_times_for(uint64_t bytes_per_s) {
  return bytes_per_s == 0 ? std::nullopt : std::optional(scrub_times{});
}

class store_state {
public:
  using handle = store_actor;
  static constexpr const char* name = "store";

  /// `keep`: how long what is not needed stays. The ledger is the disk's; one of its own has no
  /// limits.
  store_state(store_actor::pointer self, disk_port& disk, std::chrono::seconds keep = {},
              std::shared_ptr<disk_ledger> ledger = std::make_shared<disk_ledger>(),
              std::optional<scrub_times> scrub = {});
  store_actor::behavior_type make_behavior();

private:
  using time_point = caf::actor_clock::time_point;
  enum class phase { absent, committing, present, removing };

  struct entry {
    phase at = phase::absent;
    stored_cache facts;  ///< while committing or present
    std::set<cache_ref> claims;
    std::set<std::string> pins;  ///< ids of volumes
    uint64_t left = 0;           ///< not zero: not needed, and stays for a while
    std::vector<std::function<void()>> when_settled;
    uint32_t failures = 0;  ///< to remove or sync, in a row
    uint64_t used_at = 0;   ///< the stamp of its last use; 0: not in this life
  };

  caf::result<recovered> recover();
  caf::result<stored_cache> claim(const digest& d, const cache_ref& ref);
  void release(const digest& d, const cache_ref& ref);
  void release_all(const cache_ref& ref);
  void pin(const mounted_volume& v);
  void unpin(const mounted_volume& v);
  caf::result<std::string> stage(uint64_t needed_bytes);
  caf::result<stored_cache> commit(const std::string& staging, const stored_cache& facts);
  void commit_when_free(const std::string& staging, const stored_cache& facts,
                        caf::typed_response_promise<stored_cache> reply);
  void commit_now(const std::string& staging, const stored_cache& facts,
                  caf::typed_response_promise<stored_cache> reply);
  void stage_when_free(uint64_t needed_bytes, time_point until,
                       caf::typed_response_promise<std::string> reply);
  void discard(const std::string& staging);
  caf::result<std::string> record(const catalog_record& r);
  caf::result<bool> forget(const cache_ref& ref);
  void collect();

  /// Names and sizes of what is present; then says whether it is still there, whole.
  void check(const digest& d, std::function<void(bool)> then);
  void scrub_next();
  void scrub_later(std::chrono::seconds pause);
  void damaged(const digest& d, const error& why, std::function<void()> then = {});
  void set_aside(const digest& d);
  void claims_changed(const digest& d, const entry& e);
  void remove_if_unneeded(const digest& d);
  void remove_now(const digest& d);
  entry* least_recently_used();
  void relieve_if_crowded();
  void removed(const digest& d, const result<done>& outcome);
  void settled(const digest& d);
  void sync(const digest& d);
  void synced(const digest& d, const result<done>& outcome);
  void later(std::function<void()> what, uint32_t failures);

  store_actor::pointer self_;
  disk_port& disk_;
  const std::chrono::seconds keep_;
  const std::shared_ptr<disk_ledger> ledger_;
  const std::optional<scrub_times> scrub_;
  digest scrubbed_;  ///< last; empty: none in this round
  node_actor node_;  ///< hears of damage; may be null
  std::map<digest, entry> entries_;
  bool collecting_ = false;
  uint64_t stamp_ = 0;
};

}  // namespace gkm::node
