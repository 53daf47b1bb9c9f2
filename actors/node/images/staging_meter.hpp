/// Counts what a transfer writes into its staging directory, before it is written: against the
/// budget of the store and of those who want it, and against the reserve of the file system. One
/// thread.
#pragma once

#include "actors/node/disk_ledger.hpp"
#include "oci/extract/extract.hpp"

#include <filesystem>
#include <memory>

namespace gkm::node {

class staging_meter : public oci::disk_meter {
public:
  /// Fails as `disk_budget::begin` if that much is not to be had at all.
  static result<std::unique_ptr<staging_meter>> begin(disk_ledger& ledger,
                                                      const std::filesystem::path& staging,
                                                      const digest& manifest, uint64_t said_bytes);
  /// Gives back what was not used.
  ~staging_meter() override;
  staging_meter(const staging_meter&) = delete;
  staging_meter& operator=(const staging_meter&) = delete;

  result<void> take(uint64_t bytes, uint64_t inodes) override;

  /// A full disk is a state, and is tried again; but not with an image that takes more than was
  /// said of it: that is errc::limit_exceeded.
  error with_cause(error e) const;

private:
  staging_meter(disk_ledger& ledger, std::filesystem::path staging, uint64_t said_bytes)
      : ledger_(ledger), staging_(std::move(staging)), said_bytes_(said_bytes) {}
  result<void> lease(const room& more);

  disk_ledger& ledger_;
  const std::filesystem::path staging_;
  const uint64_t said_bytes_;
  room taken_;
  room leased_;
};

}  // namespace gkm::node
