#include "actors/node/images/staging_meter.hpp"

namespace gkm::node {
namespace {

// Taken from the budget at a time, and how often the file system is looked at.
constexpr room lease_room{1 << 20, 64};

}  // namespace

result<std::unique_ptr<staging_meter>> staging_meter::begin(disk_ledger& ledger,
                                                            const std::filesystem::path& staging,
                                                            const digest& manifest,
                                                            uint64_t said_bytes) {
  auto begun = ledger.with([&](disk_budget& b) {
    return b.begin(staging.string(), manifest, expected_room(said_bytes));
  });
  if (!begun) return fail(begun.error());
  return std::unique_ptr<staging_meter>(new staging_meter(ledger, staging, said_bytes));
}

staging_meter::~staging_meter() {
  ledger_.with([&](disk_budget& b) { b.settle(staging_.string(), taken_); });
}

result<void> staging_meter::take(uint64_t bytes, uint64_t inodes) {
  auto wanted = taken_ + room{bytes, inodes};
  if (!wanted.fits_in(leased_)) {
    auto least = wanted - leased_;
    // The last of the room is given out exactly.
    if (!lease(larger(least, lease_room)))
      if (auto r = lease(least); !r) return r;
  }
  taken_ = wanted;
  return {};
}

result<void> staging_meter::lease(const room& more) {
  auto limits = ledger_.with([](disk_budget& b) { return b.limits(); });
  // What was leased before is not all on the disk yet.
  if (auto r = check_reserve(staging_, limits, more + (leased_ - taken_)); !r) return r;
  auto grown = ledger_.with([&](disk_budget& b) { return b.grow(staging_.string(), more); });
  if (grown) leased_ = leased_ + more;
  return grown;
}

error staging_meter::with_cause(error e) const {
  if (e.code != errc::no_space || taken_.fits_in(expected_room(said_bytes_))) return e;
  return {errc::limit_exceeded,
          e.message + ". It is not tried again, as the image takes more than the " +
              std::to_string(said_bytes_) +
              " bytes that its label 'cache-size-bytes' says, or that its layers let one expect: "
              "correct the label, or make room and apply the cache again",
          {}};
}

}  // namespace gkm::node
