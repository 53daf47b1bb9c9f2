#include "actors/node/disk_budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gkm::node {
namespace {

using testing::HasSubstr;

digest digest_of(char c) { return digest{std::string(64, c)}; }
constexpr uint64_t max = std::numeric_limits<uint64_t>::max();

/// 1,000 bytes and 100 inodes for the store, 400 and 40 for each tenant.
disk_budget budget() {
  disk_budget b;
  disk_limits limits;
  limits.store = {1'000, 100};
  limits.tenant = {400, 40};
  limits.store_setting = "the.store";
  limits.tenant_setting = "the.namespace";
  b.limit(limits);
  return b;
}

errc code(const result<void>& r) { return r ? errc::none : r.error().code; }

}  // namespace

TEST(disk_budget, sums_do_not_overflow_and_differences_stay_above_zero) {
  EXPECT_EQ((room{max, 1} + room{1, max}), (room{max, max}));
  EXPECT_EQ((room{1, 5} - room{2, 3}), (room{0, 2}));
  EXPECT_EQ(larger({1, 5}, {2, 3}), (room{2, 5}));
  EXPECT_EQ(expected_room(max).bytes, max);
}

TEST(disk_budget, a_part_of_the_disk_is_the_same_part_of_its_inodes) {
  struct row {
    share part;
    room whole;
    room expected;
  };
  const row rows[] = {{{80, true}, {1'000, 100}, {800, 80}},
                      {{250, false}, {1'000, 100}, {250, 25}},
                      {{1 << 20, false}, {1ULL << 40, 1 << 24}, {1 << 20, 16}},
                      {{5'000, false}, {1'000, 100}, {1'000, 100}},
                      {{10, true}, {1'000, max}, {100, max}},
                      {{10, false}, {0, 0}, {0, 0}}};
  for (const auto& r : rows) EXPECT_EQ(part_of(r.part, r.whole), r.expected) << r.part.str();
}

TEST(disk_budget, what_is_said_of_a_cache_must_fit) {
  struct row {
    const char* what;
    room stored;  ///< by the same tenant
    room said;
    errc expected;
  };
  const row rows[] = {{"all that a tenant may have", {}, {400, 40}, errc::none},
                      {"a byte more", {}, {401, 1}, errc::limit_exceeded},
                      {"an inode more", {}, {1, 41}, errc::limit_exceeded},
                      {"beside what there is", {300, 1}, {100, 1}, errc::none},
                      {"one more than beside it", {300, 1}, {101, 1}, errc::limit_exceeded},
                      {"inodes that are gone", {1, 40}, {1, 1}, errc::limit_exceeded},
                      {"a lie that would overflow", {300, 1}, {max, 1}, errc::no_space}};
  for (const auto& r : rows) {
    auto b = budget();
    b.put(digest_of('a'), r.stored);
    b.claimed_by(digest_of('a'), {"ns"});
    b.claimed_by(digest_of('b'), {"ns"});
    ASSERT_TRUE(b.stage("dir", {1, 1}));
    auto begun = b.begin("dir", digest_of('b'), r.said);
    EXPECT_EQ(code(begun), r.expected) << r.what;
    if (begun || r.expected != errc::limit_exceeded) continue;
    EXPECT_THAT(begun.error().message, HasSubstr("namespace 'ns'"));
    EXPECT_THAT(begun.error().message, HasSubstr("the.namespace"));
    EXPECT_EQ(begun.error().retry_after, over_limit_pause);
  }
}

TEST(disk_budget, tenants_do_not_notice_each_other) {
  auto b = budget();
  b.put(digest_of('a'), {400, 40});
  b.claimed_by(digest_of('a'), {"full"});
  b.claimed_by(digest_of('b'), {"full"});
  b.claimed_by(digest_of('c'), {""});
  ASSERT_TRUE(b.stage("b", {1, 1}));
  ASSERT_TRUE(b.stage("c", {1, 1}));
  EXPECT_EQ(code(b.begin("b", digest_of('b'), {1, 1})), errc::limit_exceeded);
  EXPECT_TRUE(b.begin("c", digest_of('c'), {400, 40}));
  EXPECT_EQ(b.used_by(""), (room{400, 40}));
  EXPECT_EQ(b.used_by("full"), (room{400, 40}));
}

TEST(disk_budget, two_transfers_of_a_tenant_have_its_room_together) {
  auto b = budget();
  b.claimed_by(digest_of('a'), {"ns"});
  b.claimed_by(digest_of('b'), {"ns"});
  ASSERT_TRUE(b.stage("a", {10, 1}));
  ASSERT_TRUE(b.stage("b", {10, 1}));
  ASSERT_TRUE(b.begin("a", digest_of('a'), {10, 1}));
  ASSERT_TRUE(b.begin("b", digest_of('b'), {10, 1}));
  uint64_t written = 0;
  for (auto* dir = "a"; b.grow(dir, {10, 0}); dir = *dir == 'a' ? "b" : "a") written += 10;
  EXPECT_EQ(written, 400u);
  EXPECT_EQ(code(b.grow("a", {10, 0})), errc::limit_exceeded);
  b.discard("a");
  EXPECT_TRUE(b.grow("b", {10, 0}));
}

TEST(disk_budget, a_shared_digest_counts_once_for_the_store_and_in_full_for_each) {
  auto b = budget();
  b.put(digest_of('a'), {300, 3});
  b.claimed_by(digest_of('a'), {"one", "two"});
  EXPECT_EQ(b.used(), (room{300, 3}));
  EXPECT_EQ(b.used_by("one"), (room{300, 3}));
  EXPECT_EQ(b.used_by("two"), (room{300, 3}));
  b.put(digest_of('b'), {200, 2});
  b.claimed_by(digest_of('b'), {"three"});
  EXPECT_TRUE(b.admit(digest_of('a'), "one")) << "it has it";
  EXPECT_EQ(code(b.admit(digest_of('a'), "three")), errc::limit_exceeded);
  EXPECT_TRUE(b.admit(digest_of('b'), "four"));
  EXPECT_TRUE(b.admit(digest_of('c'), "three")) << "nothing is known of its size";
}

TEST(disk_budget, one_who_is_full_holds_nobody_up_who_wants_the_same) {
  auto b = budget();
  b.put(digest_of('a'), {400, 1});
  b.claimed_by(digest_of('a'), {"full"});
  b.claimed_by(digest_of('b'), {"full", "roomy"});
  ASSERT_TRUE(b.stage("b", {1, 1}));
  ASSERT_TRUE(b.begin("b", digest_of('b'), {100, 1}));
  EXPECT_TRUE(b.grow("b", {300, 1}));
  EXPECT_EQ(code(b.grow("b", {101, 1})), errc::limit_exceeded);
}

TEST(disk_budget, what_turned_out_too_large_is_not_tried_before_there_is_more_room) {
  auto b = budget();
  b.put(digest_of('a'), {100, 1});
  b.claimed_by(digest_of('a'), {"ns"});
  b.claimed_by(digest_of('b'), {"ns"});
  ASSERT_TRUE(b.stage("1", {1, 1}));
  ASSERT_TRUE(b.begin("1", digest_of('b'), {1, 1}));
  ASSERT_TRUE(b.grow("1", {300, 1}));
  EXPECT_EQ(code(b.grow("1", {10, 0})), errc::limit_exceeded);
  b.discard("1");
  ASSERT_TRUE(b.stage("2", {1, 1}));
  EXPECT_EQ(code(b.begin("2", digest_of('b'), {1, 1})), errc::limit_exceeded);
  b.claimed_by(digest_of('a'), {});
  EXPECT_TRUE(b.begin("2", digest_of('b'), {1, 1})) << "the tenant gave something up";
}

TEST(disk_budget, the_store_is_a_limit_for_all) {
  auto b = budget();
  b.put(digest_of('a'), {900, 9});
  EXPECT_FALSE(b.is_crowded());
  EXPECT_EQ(code(b.stage("x", {101, 1})), errc::no_space);
  ASSERT_TRUE(b.stage("x", {50, 1}));
  EXPECT_TRUE(b.is_crowded());
  EXPECT_EQ(b.still_to_come(), (room{50, 1}));
  b.claimed_by(digest_of('b'), {"ns"});
  ASSERT_TRUE(b.begin("x", digest_of('b'), {50, 1}));
  ASSERT_TRUE(b.grow("x", {100, 1}));
  auto full = b.grow("x", {1, 0});
  ASSERT_EQ(code(full), errc::no_space);
  EXPECT_THAT(full.error().message, HasSubstr("the.store"));
  b.settle("x", {20, 1});
  EXPECT_EQ(b.used(), (room{920, 10}));
  b.drop(digest_of('a'));
  EXPECT_EQ(b.used(), (room{20, 1}));
}

TEST(disk_budget, nobody_has_limits_before_they_are_set) {
  disk_budget b;
  b.claimed_by(digest_of('a'), {"ns"});
  ASSERT_TRUE(b.stage("x", {max, max}));
  EXPECT_TRUE(b.begin("x", digest_of('a'), {max, max}));
  EXPECT_TRUE(b.grow("x", {max, max}));
}

}  // namespace gkm::node
