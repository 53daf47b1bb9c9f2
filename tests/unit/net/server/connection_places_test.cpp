#include "net/server/connection_places.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace gkm::net {
namespace {

using std::chrono::milliseconds;
using time = connection_places::time;

time at(int ms) { return time(milliseconds(ms)); }

constexpr place_limits four{4, 3, milliseconds(1'000)};

TEST(connection_places, a_peer_that_has_its_share_replaces_its_own_oldest) {
  connection_places places(four);
  for (uint64_t id = 1; id <= 3; ++id)
    EXPECT_FALSE(places.come(id, "greedy", at(static_cast<int>(id))).gives_way);
  auto more = places.come(4, "greedy", at(4));
  EXPECT_TRUE(more.taken);
  EXPECT_EQ(more.gives_way, 1U);
  EXPECT_FALSE(places.come(5, "other", at(5)).gives_way) << "a place was left for it";
  EXPECT_EQ(places.taken(), 4U);
}

TEST(connection_places, a_newcomer_takes_from_the_peer_that_has_most) {
  connection_places places(four);
  places.come(1, "old", at(1));
  for (uint64_t id = 2; id <= 4; ++id) places.come(id, "greedy", at(2));
  EXPECT_EQ(places.come(5, "new", at(3)).gives_way, 2U);
  EXPECT_EQ(places.come(6, "newer", at(4)).gives_way, 3U);
  EXPECT_EQ(places.come(7, "newest", at(5)).gives_way, 1U) << "all have one: the longest silent";
}

TEST(connection_places, who_asked_lately_outranks_who_did_not) {
  connection_places places({3, 3, milliseconds(1'000)});
  for (uint64_t id = 1; id <= 3; ++id) places.come(id, "p", at(0));
  places.asked(1, at(10));
  places.answered(1, at(20));
  EXPECT_EQ(places.come(4, "p", at(30)).gives_way, 2U);
  places.leave(4);
  places.come(5, "p", at(40));
  EXPECT_EQ(places.come(6, "p", at(2'000)).gives_way, 3U);
  EXPECT_EQ(places.come(7, "p", at(2'000)).gives_way, 1U) << "that was long ago";
}

TEST(connection_places, who_proved_to_be_the_caller_goes_last) {
  connection_places places({2, 2, milliseconds(1'000)});
  places.come(1, "p", at(0));
  places.proved(1);
  places.come(2, "p", at(1));
  for (uint64_t id = 3; id < 100; ++id)
    EXPECT_EQ(places.come(id, "p", at(static_cast<int>(id))).gives_way, id - 1);
}

TEST(connection_places, what_is_being_decided_never_gives_way) {
  connection_places places({2, 2, milliseconds(1'000)});
  places.come(1, "p", at(0));
  places.come(2, "p", at(1));
  places.asked(1, at(2));
  EXPECT_EQ(places.come(3, "p", at(3)).gives_way, 2U);
  places.asked(3, at(4));
  auto refused = places.come(4, "other", at(5));
  EXPECT_FALSE(refused.taken);
  EXPECT_FALSE(refused.gives_way);
  places.answered(1, at(6));
  EXPECT_EQ(places.come(5, "other", at(7)).gives_way, 1U);
}

TEST(connection_places, a_peers_newcomers_let_each_other_begin) {
  connection_places places({4, 2, milliseconds(1'000), milliseconds(100)});
  places.come(1, "p", at(0));
  places.come(2, "p", at(50));
  EXPECT_FALSE(places.come(3, "p", at(99)).taken) << "it has to wait";
  EXPECT_EQ(places.come(3, "p", at(100)).gives_way, 1U);
  EXPECT_FALSE(places.come(4, "p", at(149)).taken);
  places.asked(2, at(149));
  places.answered(2, at(149));
  EXPECT_EQ(places.come(4, "p", at(149)).gives_way, 2U) << "it has been answered";
}

TEST(connection_places, a_peer_with_fewer_waits_for_none_of_who_has_more) {
  connection_places places({3, 2, milliseconds(1'000), milliseconds(100)});
  places.come(1, "greedy", at(0));
  places.come(2, "greedy", at(0));
  places.come(3, "a", at(0));
  EXPECT_EQ(places.come(4, "b", at(1)).gives_way, 1U);
  EXPECT_FALSE(places.come(5, "a", at(2)).taken) << "all have as many as it has";
  EXPECT_EQ(places.come(5, "a", at(100)).gives_way, 2U);
}

TEST(connection_places, says_when_it_could_answer_nobody_for_a_while) {
  connection_places places({2, 2, milliseconds(1'000)});
  for (uint64_t id = 1; id <= 2; ++id) {
    places.come(id, "p", at(0));
    places.asked(id, at(10));
  }
  EXPECT_TRUE(places.can_answer(at(500), milliseconds(1'000)));
  EXPECT_FALSE(places.can_answer(at(1'010), milliseconds(1'000)));
  places.answered(1, at(1'100));
  EXPECT_TRUE(places.can_answer(at(5'000), milliseconds(1'000)));
  places.asked(1, at(6'000));
  EXPECT_TRUE(places.can_answer(at(6'500), milliseconds(1'000))) << "counted anew";
}

TEST(connection_places, who_leaves_in_the_midst_frees_a_place) {
  connection_places places({1, 1, milliseconds(1'000)});
  places.come(1, "p", at(0));
  places.asked(1, at(0));
  places.leave(1);
  EXPECT_TRUE(places.come(2, "p", at(1)).taken);
  places.asked(1, at(2));
  places.answered(7, at(2));
  places.proved(7);
  places.leave(7);
  EXPECT_EQ(places.taken(), 1U);
}

std::string peer(const char* text) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1)
    return peer_of(reinterpret_cast<const sockaddr&>(v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(::inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
  return peer_of(reinterpret_cast<const sockaddr&>(v6));
}

TEST(connection_places, takes_a_network_of_ipv6_for_one_peer) {
  EXPECT_NE(peer("10.0.0.1"), peer("10.0.0.2"));
  EXPECT_EQ(peer("10.0.0.1"), peer("::ffff:10.0.0.1"));
  EXPECT_EQ(peer("2001:db8::1"), peer("2001:db8::ffff:2"));
  EXPECT_NE(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
}

}  // namespace
}  // namespace gkm::net
