#include "actors/operator/served_caches.hpp"

#include <gtest/gtest.h>

namespace gkm::op {
namespace {

cache_ref ref_of(const std::string& ns, size_t i) {
  return {ns, "c" + std::to_string(100'000 + i)};
}

TEST(served_caches, one_namespace_can_have_so_many_and_others_do_not_notice) {
  served_caches served;
  for (size_t i = 0; i < caches_per_namespace_max + 50; ++i) served.add(ref_of("greedy", i), false);
  served.add(ref_of("small", 1), false);
  EXPECT_EQ(served.admit(10).size(), caches_per_namespace_max + 1);
  EXPECT_TRUE(served.contains(ref_of("small", 1)));
  auto extra = ref_of("greedy", caches_per_namespace_max + 7);
  auto why = served.refusal(extra, 10);
  EXPECT_NE(why.find("'greedy'"), std::string::npos) << why;
  EXPECT_NE(why.find("1000"), std::string::npos) << why;
  EXPECT_NE(why.find("delete"), std::string::npos) << why;
  EXPECT_EQ(served.refusal(ref_of("small", 1), 10), "");
  // A place that is free goes to the first that waits.
  served.remove(ref_of("greedy", 5));
  auto next = served.admit(10);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next[0], ref_of("greedy", caches_per_namespace_max));
}

TEST(served_caches, what_nodes_have_stays_served) {
  served_caches served;
  for (size_t i = 0; i < caches_per_namespace_max; ++i) served.add(ref_of("a", i), false);
  served.admit(1);
  EXPECT_TRUE(served.add({"a", "older"}, true));
  EXPECT_FALSE(served.add({"a", "older"}, true)) << "it is already";
  EXPECT_TRUE(served.contains({"a", "older"}));
}

TEST(served_caches, in_all_there_are_no_more_than_there_is_memory_for) {
  served_caches served;
  size_t nodes = 10'000;
  for (size_t ns = 0; ns < 2; ++ns)
    for (size_t i = 0; i < 400; ++i) served.add(ref_of("ns" + std::to_string(ns), i), false);
  EXPECT_EQ(served.admit(nodes).size(), rows_max / nodes);
  EXPECT_NE(served.refusal(ref_of("ns1", 399), nodes).find("cluster"), std::string::npos);
  for (size_t ns = 2; ns < 20; ++ns)
    for (size_t i = 0; i < 900; ++i) served.add(ref_of("ns" + std::to_string(ns), i), false);
  EXPECT_EQ(served.admit(1).size(), caches_max - rows_max / nodes);
}

}  // namespace
}  // namespace gkm::op
