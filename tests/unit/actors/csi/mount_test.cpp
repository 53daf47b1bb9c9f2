#include "tests/support/sim/mount_fixture.hpp"

namespace gkm::csi {

TEST_F(mount_test, publishes_what_is_ready_and_takes_it_away_again) {
  agent_.say(record(cache_state::extracted));
  auto got = publish();
  pass();
  ASSERT_TRUE(*got && **got);
  EXPECT_EQ((**got)->manifest, digest_of('a'));
  EXPECT_EQ((**got)->boot, "boot-1");
  EXPECT_EQ(node_.records[id], ***got);
  EXPECT_TRUE(node_.mounts.contains(target));
  auto gone = unpublish();
  pass();
  ASSERT_TRUE(*gone && **gone);
  expect_nothing_left();
}

TEST_F(mount_test, twice_at_once_is_one_view) {
  agent_.say(record(cache_state::extracted));
  auto one = publish(), two = publish();
  pass();
  ASSERT_TRUE(*one && **one);
  ASSERT_TRUE(*two && **two);
  EXPECT_EQ(***one, ***two);
  EXPECT_EQ(node_.mounts.size(), 1u);
}

TEST_F(mount_test, elsewhere_or_for_another_cache_is_a_conflict) {
  agent_.say(record(cache_state::extracted));
  publish();
  auto elsewhere = request(), other = request();
  elsewhere.target = "/kubelet/pods/2/mount";
  other.ref.name = "other";
  auto one = publish(elsewhere), two = publish(other);
  pass();
  EXPECT_EQ(code_of(one), errc::conflict);
  EXPECT_EQ(code_of(two), errc::conflict);
  EXPECT_TRUE(node_.mounts.contains(target));
}

TEST_F(mount_test, a_view_that_vanished_is_made_again) {
  agent_.say(record(cache_state::extracted));
  publish();
  pass();
  node_.mounts.clear();
  auto again = publish();
  pass();
  EXPECT_TRUE(*again && **again);
  EXPECT_TRUE(node_.mounts.contains(target));
}

TEST_F(mount_test, what_was_left_of_another_boot_is_cleared_first) {
  agent_.say(record(cache_state::extracted));
  publish();
  pass();
  auto old = node_.records;
  node_.reboot();
  node_.records = old;
  auto got = publish();
  pass();
  ASSERT_TRUE(*got && **got);
  EXPECT_EQ((**got)->boot, "boot-2");
}

TEST_F(mount_test, more_than_a_few_requests_do_not_wait) {
  publish();
  pass(5'000);
  std::vector<outcome<volume_record>> all;
  for (size_t i = 0; i <= waiting_requests_max; ++i) all.push_back(publish());
  pass();
  auto busy = std::count_if(all.begin(), all.end(),
                            [](const auto& got) { return code_of(got) == errc::busy; });
  EXPECT_EQ(busy, 1);
}

TEST_F(mount_test, stats_are_those_of_what_is_mounted_there) {
  auto none = stats();
  pass();
  EXPECT_EQ(code_of(none), errc::not_found);
  agent_.say(record(cache_state::extracted));
  publish();
  auto here = stats(), elsewhere = stats("/kubelet/pods/2/mount");
  pass();
  EXPECT_TRUE(*here && **here);
  EXPECT_EQ(code_of(elsewhere), errc::not_found);
}

TEST_F(mount_test, unpublish_of_nothing_and_of_what_is_not_ours_is_success) {
  node_.foreign.insert("/kubelet/pods/2/mount");
  auto nothing = unpublish(), foreign = unpublish("/kubelet/pods/2/mount");
  pass();
  EXPECT_TRUE(*nothing && **nothing);
  EXPECT_TRUE(*foreign && **foreign);
  EXPECT_TRUE(node_.foreign.contains("/kubelet/pods/2/mount"));
}

TEST_F(mount_test, a_view_that_somebody_hides_keeps_its_record) {
  agent_.say(record(cache_state::extracted));
  publish();
  pass();
  node_.foreign.insert(target);
  auto again = publish();
  pass();
  EXPECT_EQ(code_of(again), errc::busy);
  EXPECT_TRUE(node_.records.contains(id));
  auto gone = unpublish();
  pass();
  EXPECT_EQ(code_of(gone), errc::busy);
  EXPECT_TRUE(node_.records.contains(id));
  auto kept = std::exchange(node_.records, {});
  auto unrecorded = unpublish();
  pass();
  EXPECT_EQ(code_of(unrecorded), errc::busy);
  node_.records = kept;
  node_.foreign.clear();
  auto uncovered = unpublish();
  pass();
  EXPECT_TRUE(*uncovered && **uncovered);
  expect_nothing_left();
}

TEST_F(mount_test, only_an_intent_is_forgotten_for_what_is_in_its_place) {
  agent_.say(record(cache_state::extracted));
  publish();
  pass();
  node_.mounts.clear();
  node_.foreign.insert(target);
  auto again = publish();
  pass();
  EXPECT_EQ(code_of(again), errc::conflict);
  EXPECT_TRUE(node_.records.contains(id));
  node_.records[id].phase = volume_phase::intent;
  publish();
  pass();
  EXPECT_FALSE(node_.records.contains(id));
}

TEST_F(mount_test, who_waits_is_told_when_the_actor_goes) {
  auto current = publish();
  pass(5'000);
  auto queued = unpublish("/kubelet/pods/2/mount");
  pass(5'000);
  caf::anon_send_exit(mount_, caf::exit_reason::user_shutdown);
  pass();
  EXPECT_EQ(code_of(current), errc::unavailable);
  EXPECT_EQ(code_of(queued), errc::unavailable);
}

}  // namespace gkm::csi
