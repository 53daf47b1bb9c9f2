/// The thread that owns the libcurl multi handle and every running transfer. It sleeps until a
/// socket, a deadline or `wake` gives it something to do; with no transfer it sleeps for good.
#pragma once

#include "net/transfer.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace gkm::net {

class transfer_loop {
public:
  explicit transfer_loop(const engine_options& options);
  /// Transfers that still run end as cancelled.
  ~transfer_loop();
  transfer_loop(const transfer_loop&) = delete;
  transfer_loop& operator=(const transfer_loop&) = delete;

  void submit(std::unique_ptr<transfer> t);
  void after(std::chrono::milliseconds pause, std::function<void()> job);
  void wake();
  /// Ends the thread; what is submitted later ends at once.
  void close();

private:
  struct multi_deleter {
    void operator()(void* multi) const;
  };
  using list = std::vector<std::unique_ptr<transfer>>;

  void run();
  bool take_submitted();
  void run_due_jobs();
  void heed_consumers();
  void start_waiting();
  void collect_finished();
  void enforce_deadlines();
  std::optional<transfer::clock::time_point> next_job();
  int sleep_ms();
  void leave(list::iterator at, bool another_hop);
  list::iterator find(void* easy);
  void end_all();

  const uint32_t connections_per_host_;
  std::unique_ptr<void, multi_deleter> multi_;

  std::mutex mutex_;
  list submitted_;
  std::multimap<transfer::clock::time_point, std::function<void()>> jobs_;
  bool stopping_ = false;

  // Of the loop thread alone.
  list waiting_;  ///< for a connection to their host, first come first served
  list running_;
  std::map<std::string, uint32_t> running_per_host_;

  std::thread thread_;
};

}  // namespace gkm::net
