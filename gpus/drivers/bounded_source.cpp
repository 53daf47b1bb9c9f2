#include "gpus/drivers/bounded_source.hpp"

#include <pthread.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace gkm::gpus {

struct bounded_source::state {
  std::function<source_report()> scan;
  std::function<void()> answered_late;
  std::mutex mutex;
  std::condition_variable ended;
  bool running = false;
  bool given_up = false;  // on the scan that runs
  std::optional<source_report> outcome;

  void run() {
    auto found = scan();
    bool late = false;
    {
      std::lock_guard lock(mutex);
      outcome = std::move(found);
      running = false;
      late = std::exchange(given_up, false);
    }
    ended.notify_all();
    if (late && answered_late) answered_late();
  }
};

namespace {

/// A signal is for those who expect it, never for a thread that a driver may hold.
void start_without_signals(std::function<void()> work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread(std::move(work)).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

bounded_source::bounded_source(std::function<source_report()> scan,
                               std::function<void()> answered_late)
    : state_(std::make_shared<state>()) {
  state_->scan = std::move(scan);
  state_->answered_late = std::move(answered_late);
}

void bounded_source::ask() {
  {
    std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->running, true)) return;
    state_->outcome.reset();
  }
  start_without_signals([s = state_] { s->run(); });
}

std::optional<source_report> bounded_source::answer(deadline until) {
  std::unique_lock lock(state_->mutex);
  if (!state_->ended.wait_until(lock, until, [&] { return !state_->running; }))
    state_->given_up = true;
  return std::exchange(state_->outcome, std::nullopt);
}

}  // namespace gkm::gpus
