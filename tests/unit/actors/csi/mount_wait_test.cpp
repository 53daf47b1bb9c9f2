#include "tests/support/sim/mount_fixture.hpp"

#include <gmock/gmock.h>

namespace gkm::csi {

using testing::HasSubstr;
using mount_wait_test = mount_test;

TEST_F(mount_wait_test, a_cache_on_its_way_is_waited_for_by_event) {
  auto got = publish();
  pass(5'000);
  EXPECT_FALSE(*got);
  agent_.say(record(cache_state::pending));
  pass(5'000);
  EXPECT_FALSE(*got);
  agent_.say(record(cache_state::extracted));
  pass();
  EXPECT_TRUE(*got && **got);
  EXPECT_EQ(catalog_.watches(), 0u);
}

TEST_F(mount_wait_test, waiting_ends_with_what_was_waited_for) {
  agent_.say(record(cache_state::pending));
  auto got = publish();
  pass(29'000);
  EXPECT_FALSE(*got);
  pass(2'000);
  EXPECT_EQ(code_of(got), errc::not_found);
  EXPECT_THAT((*got)->error().message, HasSubstr("GKMCache team/vector-add"));
  EXPECT_THAT((*got)->error().message, HasSubstr("30 s: it is being fetched"));
  agent_.forget(ref);
  expect_nothing_left();
}

TEST_F(mount_wait_test, without_patience_the_answer_comes_at_once) {
  auto q = request();
  q.wait_s = 0;
  auto got = publish(q);
  pass();
  EXPECT_EQ(code_of(got), errc::not_found);
}

TEST_F(mount_wait_test, what_waiting_cannot_help_is_not_waited_for) {
  auto misfit = record(cache_state::error);
  misfit.code = errc::incompatible;
  misfit.reason = "built for 9.0";
  agent_.say(misfit);
  auto got = publish();
  pass();
  EXPECT_EQ(code_of(got), errc::incompatible);
  EXPECT_THAT((*got)->error().message, HasSubstr("built for 9.0"));
  expect_nothing_left();
}

TEST_F(mount_wait_test, unpublish_ends_the_wait) {
  agent_.say(record(cache_state::pending));
  auto waiting = publish(), behind = publish();
  pass(5'000);
  auto gone = unpublish();
  pass();
  EXPECT_EQ(code_of(waiting), errc::cancelled);
  EXPECT_EQ(code_of(behind), errc::cancelled);
  ASSERT_TRUE(*gone && **gone);
  expect_nothing_left();
}

TEST_F(mount_wait_test, unpublish_of_another_target_does_not) {
  auto waiting = publish();
  pass(5'000);
  auto gone = unpublish("/kubelet/pods/2/mount");
  agent_.say(record(cache_state::extracted));
  pass();
  EXPECT_TRUE(*waiting && **waiting);
  EXPECT_TRUE(*gone && **gone);
  EXPECT_TRUE(node_.mounts.contains(target));
}

TEST_F(mount_wait_test, a_pod_that_would_rather_start_cold_gets_an_empty_view) {
  auto q = request();
  q.fallback_empty = true;
  auto got = publish(q);
  pass(31'000);
  ASSERT_TRUE(*got && **got);
  EXPECT_EQ((**got)->view, view_kind::empty);
  ASSERT_EQ((**got)->notes.size(), 1u);
  EXPECT_EQ((**got)->notes[0].reason, "CacheUnavailable");
  EXPECT_EQ(node_.records[id], ***got);
}

TEST_F(mount_wait_test, a_taken_target_is_no_reason_to_start_cold) {
  agent_.say(record(cache_state::extracted));
  node_.foreign.insert(target);
  auto q = request();
  q.fallback_empty = true;
  auto got = publish(q);
  pass();
  EXPECT_EQ(code_of(got), errc::conflict);
  expect_nothing_left();
}

TEST_F(mount_wait_test, a_digest_that_the_agent_looks_at_is_waited_for) {
  agent_.say(record(cache_state::extracted));
  node_.aside.insert(node_.store.extract(digest_of('a')));
  auto got = publish();
  pass(200);
  EXPECT_FALSE(*got);
  node_.store.insert(node_.aside.extract(digest_of('a')));
  pass();
  EXPECT_TRUE(*got && **got);
}

TEST_F(mount_wait_test, after_a_collected_digest_comes_the_one_that_replaced_it) {
  agent_.say(record(cache_state::extracted, 'a'));
  node_.store.clear();
  auto got = publish();
  pass(200);
  agent_.say(record(cache_state::extracted, 'b'));
  pass();
  ASSERT_TRUE(*got && **got);
  EXPECT_EQ((**got)->manifest, digest_of('b'));
}

TEST_F(mount_wait_test, a_digest_that_stays_away_is_given_up) {
  agent_.say(record(cache_state::extracted));
  node_.store.clear();
  auto got = publish();
  pass(5'000);
  EXPECT_EQ(code_of(got), errc::not_found);
  expect_nothing_left();
}

TEST_F(mount_wait_test, a_wait_that_is_cancelled_after_its_record_was_written_leaves_nothing) {
  for (int64_t ms = 100; ms < 160; ++ms) {
    agent_.say(record(cache_state::extracted));
    node_.store.clear();
    auto got = publish();
    pass(ms);
    agent_.say(record(cache_state::pending));
    pass(ms);
    node_.catalog_changed(ref);
    pass(ms % 20);
    auto gone = unpublish();
    pass(3'000);
    EXPECT_EQ(code_of(got), errc::cancelled) << ms;
    ASSERT_TRUE(*gone && **gone);
    expect_nothing_left();
  }
}

}  // namespace gkm::csi
