#include "base/fair_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace gkm::base {
namespace {

TEST(fair_pool, a_tenant_that_fills_its_share_holds_up_nobody_else) {
  fair_pool pool({.places = 3, .places_of_one = 2});
  std::promise<void> gate;
  auto open = gate.get_future().share();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(pool.post("greedy", [open] { open.wait(); }));
  std::promise<void> ran;
  ASSERT_TRUE(pool.post("b", [&] { ran.set_value(); }));
  ran.get_future().wait();
  gate.set_value();
}

TEST(fair_pool, a_line_that_is_full_is_said) {
  fair_pool pool({.places = 1, .places_of_one = 1, .waiting = 2, .waiting_of_one = 1});
  std::promise<void> gate;
  auto open = gate.get_future().share();
  ASSERT_TRUE(pool.post("a", [open] { open.wait(); }));
  ASSERT_TRUE(pool.post("a", [] {}));
  auto refused = pool.post("a", [] { FAIL(); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::busy);
  EXPECT_EQ(refused.error().message, "too many requests of namespace 'a' are waiting");
  ASSERT_TRUE(pool.post("", [] {}));
  EXPECT_EQ(pool.post("c", [] {}).error().message, "too many requests are waiting");
  gate.set_value();
}

TEST(fair_pool, what_is_stopped_before_its_turn_leaves_the_line_at_once) {
  fair_pool pool({.places = 1, .places_of_one = 1, .waiting_of_one = 1});
  std::promise<void> gate;
  auto open = gate.get_future().share();
  ASSERT_TRUE(pool.post("a", [open] { open.wait(); }));
  std::stop_source stop;
  int given_up = 0;
  ASSERT_TRUE(pool.post(
      "a", [] { FAIL(); }, stop.get_token(), [&] { ++given_up; }));
  EXPECT_EQ(pool.waiting(), 1U);
  stop.request_stop();
  EXPECT_EQ(given_up, 1);
  EXPECT_EQ(pool.waiting(), 0U);
  // Stopped before it was posted: the same.
  ASSERT_TRUE(pool.post(
      "a", [] { FAIL(); }, stop.get_token(), [&] { ++given_up; }));
  EXPECT_EQ(given_up, 2);
  gate.set_value();
}

TEST(fair_pool, what_runs_is_not_given_up) {
  fair_pool pool({.places = 1, .places_of_one = 1});
  std::stop_source stop;
  std::promise<void> began, gate;
  auto open = gate.get_future().share();
  ASSERT_TRUE(pool.post(
      "a",
      [&, open] {
        began.set_value();
        open.wait();
      },
      stop.get_token(), [] { FAIL(); }));
  began.get_future().wait();
  stop.request_stop();
  gate.set_value();
  pool.finish();
}

TEST(fair_pool, its_end_drops_what_waits_and_refuses_what_comes) {
  std::promise<void> gate;
  auto open = gate.get_future().share();
  fair_pool pool({.places = 1, .places_of_one = 1});
  ASSERT_TRUE(pool.post("a", [open] { open.wait(); }));
  auto held = std::make_shared<int>(1);
  ASSERT_TRUE(pool.post(
      "a", [held] { FAIL(); }, {}, [] { FAIL(); }));
  std::thread end([&] { pool.finish(); });
  while (held.use_count() > 1) std::this_thread::yield();
  gate.set_value();
  end.join();
  EXPECT_EQ(pool.post("a", [] {}).error().code, errc::cancelled);
}

TEST(fair_pool, many_threads_stop_and_post) {
  std::atomic<int> ended = 0;
  constexpr int each = 500;
  {
    fair_pool pool({.places = 4, .places_of_one = 2});
    std::vector<std::jthread> users;
    for (int u = 0; u < 4; ++u)
      users.emplace_back([&, u] {
        for (int i = 0; i < each; ++i) {
          std::stop_source stop;
          auto end = [&] { ++ended; };
          ASSERT_TRUE(pool.post("t" + std::to_string(u % 2), end, stop.get_token(), end));
          if (i % 2) stop.request_stop();
        }
      });
    users.clear();
    while (ended < 4 * each) std::this_thread::yield();
  }
  EXPECT_EQ(ended, 4 * each);
}

}  // namespace
}  // namespace gkm::base
