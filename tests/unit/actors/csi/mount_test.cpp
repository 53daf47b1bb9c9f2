#include "actors/csi/mount.hpp"

#include "base/log.hpp"
#include "tests/support/sim_csi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace gkm::csi {
namespace {

using sim::duration;
using testing::HasSubstr;

const cache_ref ref{"team", "vector-add"};
constexpr auto id = "csi-1";
constexpr auto target = "/kubelet/pods/1/mount";
/// More than all steps of a request together take.
constexpr int64_t all_steps_ms = 1'000;

digest digest_of(char c) { return digest{std::string(64, c)}; }

catalog_record record(cache_state state, char manifest = 'a') {
  catalog_record r;
  r.ref = ref;
  r.state = state;
  if (state == cache_state::extracted) r.manifest = digest_of(manifest);
  return r;
}

publish_request request() {
  publish_request q;
  q.volume_id = id;
  q.target = target;
  q.ref = ref;
  q.pod_ns = "team";
  q.wait_s = 30;
  return q;
}

template <class T>
using outcome = std::shared_ptr<std::optional<result<T>>>;

template <class T>
errc code_of(const outcome<T>& got) {
  return *got && !**got ? (*got)->error().code : errc::none;
}

class mount_test : public testing::Test {
protected:
  mount_test() {
    base::log::configure(base::log::level::off, false);
    world_.chaos().stop();
    mount_ =
        gkm::spawn<mount_state>(world_.system(), id, volume_ports{&catalog_, &volumes_, &host_});
  }
  ~mount_test() override {
    caf::anon_send_exit(mount_, caf::exit_reason::user_shutdown);
    world_.settle();
  }

  template <class T, class... Ts>
  outcome<T> ask(const Ts&... question) {
    auto got = std::make_shared<std::optional<result<T>>>();
    world_.system().spawn([=, this](caf::event_based_actor* self) {
      self->request(mount_, std::chrono::seconds(86'400), question...)
          .then([got](const T& answer) { *got = answer; },
                [got](const caf::error& e) { *got = fail(from_caf(e)); });
    });
    return got;
  }
  outcome<volume_record> publish(const publish_request& q = request()) {
    return ask<volume_record>(publish_atom_v, q);
  }
  outcome<bool> unpublish(const std::string& where = target) {
    return ask<bool>(unpublish_atom_v, where);
  }
  outcome<volume_stats> stats(const std::string& path = target) {
    return ask<volume_stats>(stats_atom_v, path);
  }
  void pass(int64_t ms = all_steps_ms) {
    world_.run(duration(ms), [] {});
  }
  void expect_nothing_left() {
    EXPECT_TRUE(node_.mounts.empty());
    EXPECT_TRUE(node_.records.empty());
    EXPECT_TRUE(node_.scratch.empty());
    EXPECT_TRUE(node_.targets.empty());
    EXPECT_EQ(catalog_.watches(), 0u);
    EXPECT_TRUE(node_.problems.empty());
  }

  sim::world world_{1};
  sim::fake_node node_;
  sim::fake_catalog catalog_{world_, node_};
  sim::fake_volumes volumes_{world_, node_};
  sim::fake_host host_{world_, node_};
  sim::fake_agent agent_{world_, node_, catalog_};
  mount_actor mount_;
};

}  // namespace

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

TEST_F(mount_test, a_cache_on_its_way_is_waited_for_by_event) {
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

TEST_F(mount_test, waiting_ends_with_what_was_waited_for) {
  agent_.say(record(cache_state::pending));
  auto got = publish();
  pass(29'000);
  EXPECT_FALSE(*got);
  pass(2'000);
  EXPECT_EQ(code_of(got), errc::unavailable);
  EXPECT_THAT((*got)->error().message, HasSubstr("GKMCache team/vector-add"));
  EXPECT_THAT((*got)->error().message, HasSubstr("30 s: it is being fetched"));
  agent_.forget(ref);
  expect_nothing_left();
}

TEST_F(mount_test, without_patience_the_answer_comes_at_once) {
  auto q = request();
  q.wait_s = 0;
  auto got = publish(q);
  pass();
  EXPECT_EQ(code_of(got), errc::unavailable);
}

TEST_F(mount_test, what_waiting_cannot_help_is_not_waited_for) {
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

TEST_F(mount_test, unpublish_ends_the_wait) {
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

TEST_F(mount_test, unpublish_of_another_target_does_not) {
  auto waiting = publish();
  pass(5'000);
  auto gone = unpublish("/kubelet/pods/2/mount");
  agent_.say(record(cache_state::extracted));
  pass();
  EXPECT_TRUE(*waiting && **waiting);
  EXPECT_TRUE(*gone && **gone);
  EXPECT_TRUE(node_.mounts.contains(target));
}

TEST_F(mount_test, a_pod_that_would_rather_start_cold_gets_an_empty_view) {
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

TEST_F(mount_test, a_taken_target_is_no_reason_to_start_cold) {
  agent_.say(record(cache_state::extracted));
  node_.foreign.insert(target);
  auto q = request();
  q.fallback_empty = true;
  auto got = publish(q);
  pass();
  EXPECT_EQ(code_of(got), errc::conflict);
  expect_nothing_left();
}

TEST_F(mount_test, a_digest_that_the_agent_looks_at_is_waited_for) {
  agent_.say(record(cache_state::extracted));
  node_.aside.insert(node_.store.extract(digest_of('a')));
  auto got = publish();
  pass(200);
  EXPECT_FALSE(*got);
  node_.store.insert(node_.aside.extract(digest_of('a')));
  pass();
  EXPECT_TRUE(*got && **got);
}

TEST_F(mount_test, after_a_collected_digest_comes_the_one_that_replaced_it) {
  agent_.say(record(cache_state::extracted, 'a'));
  node_.store.clear();
  auto got = publish();
  pass(200);
  agent_.say(record(cache_state::extracted, 'b'));
  pass();
  ASSERT_TRUE(*got && **got);
  EXPECT_EQ((**got)->manifest, digest_of('b'));
}

TEST_F(mount_test, a_digest_that_stays_away_is_given_up) {
  agent_.say(record(cache_state::extracted));
  node_.store.clear();
  auto got = publish();
  pass(5'000);
  EXPECT_EQ(code_of(got), errc::unavailable);
  expect_nothing_left();
}

TEST_F(mount_test, a_wait_that_is_cancelled_after_its_record_was_written_leaves_nothing) {
  for (int64_t ms = 100; ms < 160; ++ms) {
    agent_.say(record(cache_state::extracted));
    node_.store.clear();
    auto got = publish();
    pass(ms);
    agent_.say(record(cache_state::pending));
    pass(ms);
    catalog_.changed(ref);
    pass(ms % 20);
    auto gone = unpublish();
    pass(3'000);
    EXPECT_EQ(code_of(got), errc::cancelled) << ms;
    ASSERT_TRUE(*gone && **gone);
    expect_nothing_left();
  }
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
