#include "base/worker_pool.hpp"

#include "tests/support/gate.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <numeric>

namespace gkm::base {
namespace {

using support::gate;

}  // namespace

TEST(worker_pool, one_thread_keeps_the_order) {
  std::vector<int> seen;
  worker_pool pool(1);
  for (int i = 0; i < 1'000; ++i) pool.post([&seen, i] { seen.push_back(i); });
  pool.finish();
  std::vector<int> expected(1'000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(seen, expected);
}

TEST(worker_pool, runs_as_many_jobs_at_once_as_it_has_threads) {
  constexpr int threads = 3;
  std::latch all_here(threads);
  worker_pool pool(threads);
  // Nobody gets past the latch unless all three run at the same time.
  for (int i = 0; i < threads; ++i) pool.post([&] { all_here.arrive_and_wait(); });
  pool.finish();
  EXPECT_TRUE(all_here.try_wait());
}

TEST(worker_pool, never_runs_more_at_once) {
  std::atomic<int> now = 0, most = 0;
  worker_pool pool(2);
  for (int i = 0; i < 500; ++i)
    pool.post([&] {
      int n = ++now;
      for (int seen = most; n > seen && !most.compare_exchange_weak(seen, n);) {
      }
      --now;
    });
  pool.finish();
  EXPECT_LE(most, 2);
  EXPECT_GE(most, 1);
}

TEST(worker_pool, finish_waits_for_what_jobs_post_themselves) {
  std::atomic<int> ran = 0;
  worker_pool pool(1);
  pool.post([&] {
    pool.post([&] { ++ran; });
    ++ran;
  });
  pool.finish();
  EXPECT_EQ(ran, 2);
}

TEST(worker_pool, finish_without_work_returns) {
  worker_pool pool(4);
  pool.finish();
  pool.post([] {});
  pool.finish();
  pool.finish();
}

TEST(worker_pool, a_job_lets_go_of_what_it_holds_when_it_ends) {
  auto held = std::make_shared<int>(1);
  worker_pool pool(1);
  pool.post([held] {});
  pool.finish();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(worker_pool, its_end_waits_for_running_jobs_and_drops_the_rest) {
  gate started, let_go;
  std::atomic<bool> first_ended = false, second_ran = false;
  auto held = std::make_shared<int>(1);
  auto pool = std::make_unique<worker_pool>(1);
  pool->post([&] {
    started.open();
    let_go.wait();
    first_ended = true;
  });
  // Gone when the pool drops it, which is when the first job may end: so it cannot have its turn.
  auto opens_at_drop = std::shared_ptr<void>(nullptr, [&](void*) { let_go.open(); });
  pool->post([&second_ran, held, hold = std::move(opens_at_drop)] { second_ran = true; });
  started.wait();
  pool.reset();
  EXPECT_TRUE(first_ended);
  EXPECT_FALSE(second_ran);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace gkm::base
