#include "actors/csi/scratch/scratch_budget.hpp"

#include "actors/csi/arguments.hpp"
#include "actors/csi/mount_decision.hpp"
#include "actors/csi/scratch/scratch_watch.hpp"
#include "actors/csi/scratch/volume_size.hpp"
#include "tests/support/child_process.hpp"
#include "volume_fixture.hpp"

#include <gmock/gmock.h>

namespace gkm::csi {
namespace {

using testing::HasSubstr;

constexpr uint64_t gib = 1ULL << 30;

class scratch_budget_test : public testing::Test {
protected:
  scratch_budget_test() { budget_.set(limits_); }

  static volume_record volume(const std::string& ns, const std::string& pod, uint64_t bytes) {
    volume_record r;
    r.pod_ns = ns;
    r.pod_name = pod;
    r.scratch_bytes = bytes;
    return r;
  }
  /// What it was granted; 0 if it was refused.
  uint64_t admit(const std::string& key, const std::string& ns, const std::string& pod,
                 uint64_t bytes = default_scratch_bytes) {
    auto granted = budget_.admit(key, volume(ns, pod, bytes));
    refusal_ = granted ? "" : granted.error().message;
    EXPECT_TRUE(granted || granted.error().code == errc::limit_exceeded);
    return granted.value_or(0);
  }
  bool spend(const std::string& key, uint64_t bytes) {
    auto spent = budget_.spend(key, bytes);
    refusal_ = spent ? "" : spent.error().message;
    return spent.has_value();
  }

  disk_room disk_{1'000 * gib, 900 * gib};
  scratch_limits limits_{share{50 * gib, false}, share{80 * gib, false}, share{10, true},
                         share{25, true}, share{10, true}};
  scratch_budget budget_{[this] { return disk_; }};
  std::string refusal_;
};

}  // namespace

TEST_F(scratch_budget_test, a_volume_that_asks_for_more_than_one_may_is_refused) {
  EXPECT_EQ(admit("a", "ns", "pod", 50 * gib), 50 * gib);
  EXPECT_EQ(admit("b", "ns", "other", 51 * gib), 0u);
  EXPECT_THAT(refusal_, HasSubstr("gkm.csi.scratch.volume.size"));
  EXPECT_THAT(refusal_, HasSubstr("51.0 GiB"));
}

TEST_F(scratch_budget_test, who_asks_for_nothing_gets_what_there_is) {
  limits_.volume = share{2 * gib, false};
  budget_.set(limits_);
  EXPECT_EQ(admit("a", "ns", "pod"), 2 * gib);
  EXPECT_EQ(admit("b", "ns", "pod", 0), 2 * gib);
  EXPECT_EQ(admit("c", "ns", "pod", 3 * gib), 0u) << "who asks is told";
}

TEST_F(scratch_budget_test, defaults_count_as_what_was_found) {
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(admit(std::to_string(i), "ns", "pod" + std::to_string(i)), default_scratch_bytes);
  budget_.found("0", 95 * gib);
  EXPECT_EQ(admit("new", "ns", "new"), 5 * gib);
  budget_.found("1", 5 * gib);
  EXPECT_EQ(admit("more", "ns", "more"), 0u);
  EXPECT_THAT(refusal_, HasSubstr("gkm.csi.scratch.namespace.size"));
  EXPECT_THAT(refusal_, HasSubstr("'ns'"));
  budget_.close("0");
  EXPECT_EQ(admit("more", "ns", "more"), default_scratch_bytes);
}

TEST_F(scratch_budget_test, the_volumes_of_a_pod_are_one_sum) {
  EXPECT_EQ(admit("a", "ns", "pod", 50 * gib), 50 * gib);
  EXPECT_EQ(admit("b", "ns", "pod", 50 * gib), 0u);
  EXPECT_THAT(refusal_, HasSubstr("gkm.csi.scratch.pod.size"));
  EXPECT_EQ(admit("b", "ns", "pod", 30 * gib), 30 * gib);
}

TEST_F(scratch_budget_test, copies_are_counted_while_they_are_made) {
  for (auto key : {"a", "b"}) ASSERT_GT(admit(key, "ns", "pod"), 0u);
  EXPECT_TRUE(spend("a", 50 * gib));
  EXPECT_TRUE(spend("b", 30 * gib));
  EXPECT_FALSE(spend("b", 1));
  EXPECT_THAT(refusal_, HasSubstr("gkm.csi.scratch.pod.size"));
}

TEST_F(scratch_budget_test, nothing_is_copied_into_the_reserve) {
  ASSERT_GT(admit("a", "ns", "pod"), 0u);
  disk_.free = 101 * gib;
  EXPECT_TRUE(spend("a", gib));
  disk_.free = 100 * gib;
  auto spent = budget_.spend("a", 1);
  ASSERT_FALSE(spent);
  EXPECT_EQ(spent.error().code, errc::no_space);
  EXPECT_THAT(spent.error().message, HasSubstr("gkm.csi.scratch.reserve.size"));
}

TEST_F(scratch_budget_test, what_one_namespace_writes_beyond_its_limit_is_not_held_against_others) {
  ASSERT_GT(admit("a", "greedy", "pod"), 0u);
  budget_.found("a", 800 * gib);
  EXPECT_EQ(admit("b", "greedy", "other"), 0u);
  EXPECT_EQ(admit("c", "ns", "pod"), default_scratch_bytes);
}

TEST_F(scratch_budget_test, a_node_has_a_limit_of_its_own) {
  for (auto ns : {"a", "b"}) {
    ASSERT_GT(admit(ns, ns, ns), 0u);
    budget_.found(ns, 100 * gib);
  }
  EXPECT_EQ(admit("c", "c", "c", 50 * gib), 50 * gib);
  EXPECT_EQ(admit("d", "d", "d", 20 * gib), 0u);
  EXPECT_THAT(refusal_, HasSubstr("gkm.csi.scratch.node.size"));
}

TEST_F(scratch_budget_test, namespaces_are_looked_at_in_turns) {
  for (int i = 0; i < 10; ++i) admit("many" + std::to_string(i), "many", "pod");
  admit("one", "one", "pod");
  int of_one = 0;
  for (int i = 0; i < 10; ++i) of_one += budget_.next()->key == "one" ? 1 : 0;
  EXPECT_EQ(of_one, 5);
}

// -- with real scratch ----------------------------------------------------------------------------

class bounded_scratch : public volume_fixture {
protected:
  void limit(const scratch_limits& limits) { port_->set_limits(limits); }
};

TEST_F(bounded_scratch, copies_beyond_a_pods_limit_are_refused_and_leave_nothing) {
  write_text(where().stored(digest_of('a')) / paths::content / "large", std::string(1 << 20, 'x'));
  scratch_limits limits;
  limits.pod = share{5 << 19, false};
  limit(limits);
  auto one = record("v1", view_kind::copy), two = record("v2", view_kind::copy),
       three = record("v3", view_kind::copy);
  for (auto* r : {&one, &two, &three}) {
    r->pod_uid = "pod";
    r->scratch_bytes = default_scratch_bytes;
  }
  EXPECT_TRUE(mount(one));
  EXPECT_TRUE(mount(two));
  auto refused = mount(three);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("gkm.csi.scratch"));
  EXPECT_FALSE(has_scratch(three));
  ASSERT_TRUE(unmount(one));
  EXPECT_TRUE(mount(three));
}

TEST_F(bounded_scratch, what_is_mounted_still_counts_after_a_restart) {
  scratch_limits limits;
  limits.ns = share{30 * gib, false};
  settings_.limits = limits;
  start();
  auto large = record("v1");
  large.scratch_bytes = 20 * gib;
  publish(large);
  start();
  auto second = record("v2");
  second.scratch_bytes = 20 * gib;
  EXPECT_FALSE(mount(second));
}

TEST_F(bounded_scratch, what_a_pod_writes_is_found_and_told) {
  auto r = record("v1");
  r.scratch_bytes = 1 << 20;
  publish(r);
  std::promise<std::string> told;
  std::atomic<bool> once = false;
  port_->watch_scratch([&](const scratch_owner& over) {
    if (!once.exchange(true)) told.set_value(over.volume_id);
  });
  write_text(fs::path(r.target) / "large", std::string(3 << 20, 'x'));
  auto over = told.get_future();
  constexpr std::chrono::seconds far_too_long{60};
  ASSERT_EQ(over.wait_for(far_too_long), std::future_status::ready);
  EXPECT_EQ(over.get(), "v1");
  auto stats = ask<volume_stats>(&mounted_volumes::measure, r);
  ASSERT_TRUE(stats);
  EXPECT_THAT(stats->problem, HasSubstr("1.0 MiB"));
  auto note = note_of(r, *stats);
  ASSERT_TRUE(note);
  r.notes.push_back(*note);
  EXPECT_FALSE(note_of(r, *stats)) << "it is told once";
  port_.reset();
}

}  // namespace gkm::csi
