#include "net/loop.hpp"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <climits>

namespace gkm::net {
namespace {

constexpr long idle_connections = 32;

// Signals are for the threads that asked for them; one taken here would cost a system call its end.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

error closing_error() { return {errc::cancelled, "the HTTP engine is closing", {}}; }

error cancelled_error(const transfer& t) {
  return {errc::cancelled, "request to '" + t.origin() + "' was cancelled", {}};
}

}  // namespace

void transfer_loop::multi_deleter::operator()(void* multi) const { curl_multi_cleanup(multi); }

transfer_loop::transfer_loop(const engine_options& options)
    : connections_per_host_(std::max(options.connections_per_host, 1U)) {
  init_curl();
  multi_.reset(curl_multi_init());
  if (!multi_) throw std::bad_alloc();
  // Else one transfer per connection, with HTTP/2 too: a transfer that its reader has paused would
  // hold up all others on its connection.
  long sharing = options.multiplex ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING;
  curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, sharing);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, idle_connections);
  thread_ = std::thread([this] { run(); });
}

transfer_loop::~transfer_loop() { close(); }

void transfer_loop::close() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

void transfer_loop::submit(std::unique_ptr<transfer> t) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_) submitted_.push_back(std::move(t));
  }
  if (t) return t->fail_with(closing_error());
  wake();
}

void transfer_loop::after(std::chrono::milliseconds pause, std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    jobs_.emplace(transfer::clock::now() + pause, std::move(job));
  }
  wake();
}

void transfer_loop::wake() { curl_multi_wakeup(multi_.get()); }

void transfer_loop::run() {
  block_signals();
  pthread_setname_np(pthread_self(), "gkm-http");
  while (take_submitted()) {
    run_due_jobs();
    heed_consumers();
    start_waiting();
    int still_running = 0;
    curl_multi_perform(multi_.get(), &still_running);
    collect_finished();
    enforce_deadlines();
    start_waiting();
    curl_multi_poll(multi_.get(), nullptr, 0, sleep_ms(), nullptr);
  }
  end_all();
}

// False when the engine goes.
bool transfer_loop::take_submitted() {
  std::lock_guard lock(mutex_);
  std::move(submitted_.begin(), submitted_.end(), std::back_inserter(waiting_));
  submitted_.clear();
  return !stopping_;
}

void transfer_loop::run_due_jobs() {
  std::vector<std::function<void()>> due;
  {
    std::lock_guard lock(mutex_);
    auto end = jobs_.upper_bound(transfer::clock::now());
    for (auto at = jobs_.begin(); at != end; ++at) due.push_back(std::move(at->second));
    jobs_.erase(jobs_.begin(), end);
  }
  for (auto& job : due) job();
}

void transfer_loop::heed_consumers() {
  std::erase_if(waiting_, [](const auto& t) {
    bool gone = t->consumer().cancelled();
    if (gone) t->fail_with(cancelled_error(*t));
    return gone;
  });
  for (size_t i = running_.size(); i-- > 0;) {
    auto at = running_.begin() + static_cast<std::ptrdiff_t>(i);
    int code = CURLE_OK;
    if ((*at)->consumer().cancelled()) {
      (*at)->fail_with(cancelled_error(**at));
      leave(at, false);
    } else if ((*at)->consumer().wants_resume() && !(*at)->resume(code)) {
      leave(at, (*at)->finish_hop(code));
    }
  }
}

void transfer_loop::start_waiting() {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    auto& count = running_per_host_[(*at)->origin()];
    if (count >= connections_per_host_) {
      ++at;
      continue;
    }
    (*at)->begin_hop();
    if (curl_multi_add_handle(multi_.get(), (*at)->easy()) == CURLM_OK) {
      ++count;
      running_.push_back(std::move(*at));
    } else {
      (*at)->fail_with({errc::internal, "out of memory for a request", {}});
    }
    at = waiting_.erase(at);
  }
}

void transfer_loop::collect_finished() {
  int left = 0;
  while (auto* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    int code = message->data.result;
    auto at = find(message->easy_handle);
    leave(at, (*at)->finish_hop(code));
  }
}

void transfer_loop::enforce_deadlines() {
  auto now = transfer::clock::now();
  for (size_t i = running_.size(); i-- > 0;) {
    auto at = running_.begin() + static_cast<std::ptrdiff_t>(i);
    if (auto d = (*at)->deadline(); d && *d <= now) leave(at, (*at)->expire());
  }
}

std::optional<transfer::clock::time_point> transfer_loop::next_job() {
  std::lock_guard lock(mutex_);
  if (jobs_.empty()) return std::nullopt;
  return jobs_.begin()->first;
}

// Nothing is left undone while this thread sleeps: blocks that wait to be filled are given out
// first, once a round has brought no more bytes for them.
int transfer_loop::sleep_ms() {
  bool all_settled = true;
  auto earliest = next_job();
  for (auto& t : running_) {
    all_settled = t->settle() && all_settled;
    if (auto d = t->deadline(); d && (!earliest || *d < *earliest)) earliest = d;
  }
  if (!all_settled) return 0;
  if (!earliest) return INT_MAX;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*earliest - transfer::clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
}

void transfer_loop::leave(list::iterator at, bool another_hop) {
  curl_multi_remove_handle(multi_.get(), (*at)->easy());
  auto t = std::move(*at);
  running_.erase(at);
  // The count is of the hop that ended, whose origin the transfer may have left already.
  auto host = running_per_host_.find(t->begun_at());
  if (host != running_per_host_.end() && --host->second == 0) running_per_host_.erase(host);
  if (another_hop) waiting_.push_back(std::move(t));
}

transfer_loop::list::iterator transfer_loop::find(void* easy) {
  return std::find_if(running_.begin(), running_.end(),
                      [easy](const auto& t) { return t->easy() == easy; });
}

void transfer_loop::end_all() {
  decltype(jobs_) dropped;
  {
    std::lock_guard lock(mutex_);
    dropped.swap(jobs_);
    std::move(submitted_.begin(), submitted_.end(), std::back_inserter(waiting_));
    submitted_.clear();
  }
  for (auto* all : {&waiting_, &running_}) {
    for (auto& t : *all) {
      curl_multi_remove_handle(multi_.get(), t->easy());
      t->fail_with(closing_error());
    }
    all->clear();
  }
}

}  // namespace gkm::net
