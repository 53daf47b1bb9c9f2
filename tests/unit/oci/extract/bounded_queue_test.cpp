#include "oci/extract/bounded_queue.hpp"

#include "oci/extract/block_pool.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace gkm::oci {

TEST(bounded_queue, keeps_order_across_threads) {
  bounded_queue<int> q(3);
  std::jthread producer([&] {
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(q.push(i));
    q.close();
  });
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(q.pop(), i);
  EXPECT_EQ(q.pop(), std::nullopt);
}

TEST(bounded_queue, closed_can_be_read_to_its_end_but_not_filled) {
  bounded_queue<int> q(3);
  ASSERT_TRUE(q.push(1));
  q.close();
  EXPECT_FALSE(q.push(2));
  EXPECT_EQ(q.pop(), 1);
  EXPECT_EQ(q.pop(), std::nullopt);
}

TEST(bounded_queue, abandoned_lets_the_producer_go_and_drops_what_it_held) {
  bounded_queue<std::shared_ptr<int>> q(1);
  auto value = std::make_shared<int>(1);
  ASSERT_TRUE(q.push(value));
  bool wanted = true;
  {
    std::jthread producer([&] { wanted = q.push(value); });
    q.abandon();
  }
  EXPECT_FALSE(wanted);
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_EQ(q.pop(), std::nullopt);
}

TEST(block_pool, buffers_come_back_even_after_the_pool) {
  std::shared_ptr<std::byte[]> last;
  {
    block_pool pool(2, 100);
    auto a = pool.acquire();
    last = pool.acquire();
    auto* address = a.get();
    a.reset();
    EXPECT_EQ(pool.acquire().get(), address);
    std::jthread waiter([&, b = pool.acquire()] { EXPECT_EQ(pool.acquire(), nullptr); });
    pool.close();
  }
  last.reset();
}

}  // namespace gkm::oci
