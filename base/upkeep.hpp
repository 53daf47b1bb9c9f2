/// When to work at one thing that is kept as it should be: its owner decides what to do, this class
/// decides whether now.
///
// clang-format off
///   idle ──begin──▶ busy ──succeeded, gave_up──▶ idle
///    ▲               ├──failed: a conflict, the first few in a row──▶ busy: read it again
///    │               └──failed──▶ pausing (1 s, 2 s, … 5 min) ──time, end_pause, renew──▶ idle
// clang-format on
/// There is one attempt at a time. A change during an attempt or a pause is looked at afterwards,
/// because the owner asks again then. A timer that fires while a newer pause lasts has no effect.
#pragma once

#include "base/backoff.hpp"
#include "messages/assert.hpp"
#include "messages/errors.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace gkm::base {

struct upkeep_rules {
  /// So many conflicts in a row lead to reading again at once; a further one is a failure.
  uint32_t reads_in_a_row = 0;
  /// Permanent errors are tried again, too; else the owner gives up until something changes.
  bool for_ever = true;
};

class upkeep {
public:
  using time = std::chrono::steady_clock::time_point;

  enum class next : uint8_t { read, wait, give_up };
  struct verdict {
    next what = next::wait;
    std::chrono::milliseconds pause{};  ///< for `wait`: set a timer for this
    bool is_first = false;              ///< failure since the last success or renewal
  };

  upkeep() = default;
  explicit upkeep(upkeep_rules rules) : rules_(rules) {}

  /// An attempt is due.
  void want() { due_ = true; }
  /// No attempt is due any more.
  void settle() { due_ = false; }
  /// An attempt is due, and what failed before may succeed now.
  void renew() {
    due_ = true;
    failures_ = 0;
    end_pause();
  }
  void end_pause() { pause_ends_ = {}; }

  bool is_due() const { return due_; }
  bool is_busy() const { return busy_; }
  bool has_failed() const { return failures_ > 0; }
  bool may_begin(time now) const { return !busy_ && now >= pause_ends_; }

  void begin() {
    GKM_ASSERT(!busy_);
    busy_ = true;
    due_ = false;
  }
  void succeeded() {
    end();
    failures_ = 0;
  }
  /// Nothing came of it, and nothing is to be tried again. Failures still count.
  void gave_up() { end(); }
  /// Nothing begins for so long, though nothing failed.
  void rest(time now, std::chrono::milliseconds length) { pause_ends_ = now + length; }

  /// After `read` it is still busy, with reading. `random` as pause_after has it.
  verdict failed(const error& e, time now, uint64_t random) {
    GKM_ASSERT(busy_);
    ++failures_;
    if (e.code == errc::conflict && failures_ <= rules_.reads_in_a_row)
      return {next::read, {}, false};
    end();
    auto pause = pause_after(rules_.for_ever ? passing(e) : e, failures_, random);
    bool is_first = failures_ == 1;
    if (!pause && !rules_.for_ever) return {next::give_up, {}, is_first};
    due_ = true;
    auto length = pause.value_or(longest_pause);
    rest(now, length);
    return {next::wait, length, is_first};
  }

private:
  static error passing(const error& e) { return {errc::unavailable, e.message, e.retry_after}; }
  void end() {
    GKM_ASSERT(busy_);
    busy_ = false;
  }

  upkeep_rules rules_;
  bool due_ = false;
  bool busy_ = false;
  time pause_ends_{};
  uint32_t failures_ = 0;
};

}  // namespace gkm::base
