#include "base/fair_pool.hpp"

#include <optional>

namespace gkm::base {

struct fair_pool::entry {
  job run;
  job given_up;
  /// Ended outside of the pool's lock: that waits for a call to `give_up`, which takes the lock.
  std::optional<std::stop_callback<job>> on_stop;
};

fair_pool::fair_pool(turn_limits limits) : turns_(limits), pool_(limits.places) {}

fair_pool::~fair_pool() { finish(); }

result<void> fair_pool::post(const std::string& tenant, job run, std::stop_token stop,
                             job given_up) {
  auto e = std::make_shared<entry>(std::move(run), std::move(given_up), std::nullopt);
  if (stop.stop_possible())
    e->on_stop.emplace(stop, [this, waiting = std::weak_ptr(e)] {
      if (auto still = waiting.lock()) give_up(still);
    });
  {
    std::lock_guard lock(mutex_);
    if (finishing_) return fail(errc::cancelled, "the program is ending");
    switch (turns_.push(tenant, e)) {
      case turn_entry::queued:
        break;
      case turn_entry::full:
        return fail(errc::busy, "too many requests are waiting");
      case turn_entry::tenant_full:
        return fail(errc::busy,
                    tenant.empty() ? "too many requests for cluster-scoped caches are waiting"
                                   : "too many requests of namespace '" + tenant + "' are waiting");
    }
  }
  // The callback found nothing to give up if it came before the entry was in its line.
  if (stop.stop_requested()) give_up(e);
  start_due();
  return {};
}

void fair_pool::start_due() {
  std::lock_guard lock(mutex_);
  while (auto turn = turns_.next())
    pool_.post([this, tenant = std::move(turn->tenant), e = std::move(turn->item)]() mutable {
      e->on_stop.reset();
      e->run();
      e.reset();
      {
        std::lock_guard inner(mutex_);
        turns_.done(tenant);
      }
      start_due();
    });
}

void fair_pool::give_up(const entry_ptr& e) {
  {
    std::lock_guard lock(mutex_);
    if (!turns_.remove(e)) return;
  }
  if (e->given_up) e->given_up();
}

void fair_pool::finish() {
  std::vector<entry_ptr> dropped;
  {
    std::lock_guard lock(mutex_);
    finishing_ = true;
    dropped = turns_.take_waiting();
  }
  dropped.clear();  // outside of the lock, see `on_stop`
  pool_.finish();
}

size_t fair_pool::waiting() const {
  std::lock_guard lock(mutex_);
  return turns_.waiting();
}

}  // namespace gkm::base
