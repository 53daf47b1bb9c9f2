/// One try at something that may be tried again, and the loop that does so.
#pragma once

#include "messages/errors.hpp"
#include "net/retry.hpp"

#include <condition_variable>
#include <mutex>
#include <random>
#include <stop_token>

namespace gkm::oci {

struct failure {
  error what;
  bool again = false;  ///< the same request may succeed later
};

template <class T>
using attempt = tl::expected<T, failure>;

inline tl::unexpected<failure> give_up(error e) {
  return tl::unexpected<failure>(failure{std::move(e), false});
}

/// A connection that failed may work later; anything else is an answer.
inline tl::unexpected<failure> from_engine(error e) {
  bool again = e.code == errc::unavailable;
  return tl::unexpected<failure>(failure{std::move(e), again});
}

/// False if `stop` ended the pause.
inline bool pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

/// The pause before the next try after `tries` of them, or nothing.
inline std::optional<std::chrono::milliseconds> delay_after(const net::retry_policy& policy,
                                                            uint32_t tries, const error& last) {
  std::random_device random;
  std::optional<std::chrono::seconds> asked;
  if (last.retry_after.count() > 0) asked = last.retry_after;
  return net::next_delay(policy, tries, asked, (uint64_t{random()} << 32) | random());
}

/// Calls `once`, a function that gives an `attempt<T>`, until it succeeds, gives up or has been
/// tried often enough.
template <class F>
auto retrying(const net::retry_policy& policy, const std::stop_token& stop, F once)
    -> result<typename decltype(once())::value_type> {
  for (uint32_t tries = 1;; ++tries) {
    auto got = once();
    if (got) return std::move(*got);
    if (!got.error().again) return fail(std::move(got.error().what));
    auto delay = delay_after(policy, tries, got.error().what);
    if (!delay) return fail(std::move(got.error().what));
    if (!pause(*delay, stop)) return fail(errc::cancelled, "cancelled while waiting to try again");
  }
}

}  // namespace gkm::oci
