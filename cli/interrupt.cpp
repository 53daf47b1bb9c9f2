#include "cli/interrupt.hpp"

#include <pthread.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>

namespace gkm::cli {
namespace {

constexpr int impatient_exit = 130;

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

interrupt::interrupt() {
  auto set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this, set] {
    int signal = 0;
    sigwait(&set, &signal);
    source_.request_stop();
    if (ending_) return;
    // Whoever asks twice does not want to wait for an orderly end.
    sigwait(&set, &signal);
    if (!ending_) ::_exit(impatient_exit);
  });
}

interrupt::~interrupt() {
  ending_ = true;
  // Directed at the waiting thread alone; if it has returned already, nobody is hurt.
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void interrupt::wait() const {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait(lock, token(), [] { return false; });
}

}  // namespace gkm::cli
