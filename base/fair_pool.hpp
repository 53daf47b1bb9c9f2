/// Worker threads that take turns by tenant (`turns.hpp`). From any thread.
#pragma once

#include "base/turns.hpp"
#include "base/worker_pool.hpp"
#include "messages/errors.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

namespace gkm::base {

class fair_pool {
public:
  using job = std::function<void()>;

  /// As many threads as there are places, started when they are needed.
  explicit fair_pool(turn_limits limits);
  /// Waits for the jobs that run; those that wait are dropped without a call.
  ~fair_pool();
  fair_pool(const fair_pool&) = delete;
  fair_pool& operator=(const fair_pool&) = delete;

  /// errc::busy if too many wait; then neither function is called. A job that is stopped before its
  /// turn leaves the queue at once: `given_up` is called in its place, on the thread that asked for
  /// the stop, which may be this call. A job that runs has to heed `stop` itself.
  result<void> post(const std::string& tenant, job run, std::stop_token stop = {},
                    job given_up = {});
  /// Waits until the jobs that run have ended; those that wait are dropped, later ones refused.
  void finish();
  size_t waiting() const;

private:
  struct entry;
  using entry_ptr = std::shared_ptr<entry>;

  void start_due();
  void give_up(const entry_ptr& e);

  mutable std::mutex mutex_;
  turns<entry_ptr> turns_;
  bool finishing_ = false;
  worker_pool pool_;  // last: its threads use what is above
};

}  // namespace gkm::base
