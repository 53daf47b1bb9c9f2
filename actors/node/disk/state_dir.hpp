/// The state directory on a real disk (paths.hpp draws it): the store actor's port, and the
/// statuses beside the records.
#pragma once

#include "actors/node/disk_ledger.hpp"
#include "actors/node/ports.hpp"
#include "base/files.hpp"
#include "base/worker_pool.hpp"
#include "messages/paths.hpp"

#include <atomic>
#include <memory>
#include <stop_token>

namespace gkm::node {

class state_dir : public disk_port, public status_port {
public:
  /// Makes what is missing, with the right modes, and takes the lock. `errc::busy` if another
  /// process has it.
  static result<std::unique_ptr<state_dir>> open(paths where, const disk_shares& shares = {});
  /// Carries out the small steps that were asked for before; removing and syncing is left to the
  /// next start.
  ~state_dir() override;

  /// What the store takes, and who may have how much of it. As long as anything lives that has it.
  std::shared_ptr<disk_ledger> ledger() const { return ledger_; }
  /// How fast `check_depth::every_byte` reads, on average; 0: as fast as possible.
  void set_scrub_rate(uint64_t bytes_per_s) { scrub_bytes_per_s_ = bytes_per_s; }
  /// From any thread: holds from the next thing that is written on.
  void set_shares(const disk_shares& shares);

  void recover(answer<recovered> reply) override;
  void stage(uint64_t needed_bytes, answer<std::string> reply) override;
  void commit(const std::string& staging, const stored_cache& facts, answer<done> reply) override;
  void sync(const digest& manifest, answer<done> reply) override;
  void discard(const std::string& staging, answer<done> reply) override;
  void remove(const digest& manifest, answer<done> reply) override;
  void check(const digest& manifest, check_depth depth, answer<done> reply) override;
  void set_aside(const digest& manifest, answer<done> reply) override;
  void write_record(const catalog_record& record, answer<std::string> reply) override;
  void forget(const cache_ref& ref, answer<done> reply) override;

  void write(const cache_status& status, answer<done> reply) override;
  void erase(const cache_ref& ref, answer<done> reply) override;

private:
  state_dir(paths where, base::file_lock lock, std::string boot, const disk_shares& shares);
  result<void> apply_limits();
  result<std::string> make_staging(uint64_t needed_bytes);
  result<void> commit_staged(const std::string& staging, const stored_cache& facts);

  paths paths_;
  base::file_lock lock_;
  std::string boot_;
  const std::shared_ptr<disk_ledger> ledger_ = std::make_shared<disk_ledger>();
  disk_shares shares_;            ///< used by `ordered_` alone, once it runs
  base::worker_pool ordered_{1};  ///< small steps, in the order they were asked
  base::worker_pool slow_{1};     ///< removing trees, syncing
  std::atomic<uint64_t> scrub_bytes_per_s_ = 0;
  std::stop_source scrub_stop_;
  base::worker_pool looks_{1};   ///< comparing names and sizes
  base::worker_pool scrubs_{1};  ///< comparing every byte, slowly
};

}  // namespace gkm::node
