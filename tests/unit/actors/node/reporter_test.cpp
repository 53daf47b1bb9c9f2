#include "actors/node/reporter.hpp"

#include "base/program/log.hpp"
#include "messages/actors/interfaces.hpp"
#include "tests/support/sim/sim_world.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

using sim::duration;

/// Where statuses go: takes a while, and fails as often as it is told.
class status_log : public status_port {
public:
  explicit status_log(sim::world& w) : world_(w) {}

  struct entry {
    int64_t at_ms;
    uint64_t bytes;
  };
  std::vector<entry> writes;
  size_t erased = 0;
  bool there = false;
  size_t failures_left = 0;

  void write(const cache_status& s, answer<done> reply) override {
    if (failures_left > 0 && failures_left--) {
      attempts.push_back(world_.now_ms());
      return reply(fail(errc::io, "input/output error"));
    }
    writes.push_back({world_.now_ms(), s.pulled_bytes});
    there = true;
    world_.after(duration(20), [reply] { reply(done{}); });
  }
  void erase(const cache_ref&, answer<done> reply) override {
    ++erased;
    there = false;
    world_.after(duration(20), [reply] { reply(done{}); });
  }
  std::vector<int64_t> attempts;

private:
  sim::world& world_;
};

class reporter_test : public testing::Test {
protected:
  reporter_test() {
    base::log::configure(base::log::level::off, false);
    reporter_ = gkm::spawn<reporter_state>(world_.system(), port_,
                                           [this](const cache_status&) { ++observed_; });
  }
  ~reporter_test() override { end(); }

  void end() {
    if (reporter_) caf::anon_send_exit(reporter_, caf::exit_reason::kill);
    reporter_ = nullptr;
    world_.settle();
  }
  void report(uint64_t bytes) {
    cache_status s;
    s.ref = ref_;
    s.pulled_bytes = bytes;
    caf::anon_send(reporter_, report_atom_v, s);
    world_.settle();
  }
  void retract() {
    caf::anon_send(reporter_, retract_atom_v, ref_);
    world_.settle();
  }
  void pass(int64_t ms) {
    world_.run(duration(ms), [] {});
  }

  const cache_ref ref_{"default", "x"};
  sim::world world_{1};
  status_log port_{world_};
  reporter_actor reporter_;
  size_t observed_ = 0;
};

}  // namespace

TEST_F(reporter_test, the_first_is_written_at_once) {
  report(1);
  ASSERT_EQ(port_.writes.size(), 1u);
  EXPECT_EQ(port_.writes[0].at_ms, 0);
}

TEST_F(reporter_test, of_many_the_latest_is_written_a_second_later) {
  for (uint64_t i = 1; i <= 10; ++i) report(i);
  EXPECT_EQ(observed_, 10u);
  pass(10'000);
  ASSERT_EQ(port_.writes.size(), 2u);
  EXPECT_EQ(port_.writes[1].bytes, 10u);
  EXPECT_GE(port_.writes[1].at_ms, 1'000);
}

TEST_F(reporter_test, writes_at_most_one_a_second) {
  for (uint64_t i = 1; i <= 100; ++i) {
    report(i);
    pass(50);
  }
  pass(2'000);
  for (size_t i = 1; i < port_.writes.size(); ++i)
    EXPECT_GE(port_.writes[i].at_ms - port_.writes[i - 1].at_ms, 1'000);
  EXPECT_GE(port_.writes.size(), 5u);
  EXPECT_EQ(port_.writes.back().bytes, 100u);
}

TEST_F(reporter_test, after_a_rest_the_next_is_written_at_once) {
  report(1);
  pass(5'000);
  report(2);
  EXPECT_EQ(port_.writes.size(), 2u);
}

TEST_F(reporter_test, a_retract_while_writing_wins) {
  report(1);
  report(2);
  retract();
  EXPECT_EQ(port_.erased, 0u) << "the write is under way";
  pass(5'000);
  EXPECT_EQ(port_.writes.size(), 1u);
  EXPECT_EQ(port_.erased, 1u);
  EXPECT_FALSE(port_.there);
}

TEST_F(reporter_test, a_report_while_retracting_wins) {
  report(1);
  pass(5'000);
  retract();
  report(2);
  pass(5'000);
  EXPECT_TRUE(port_.there);
  EXPECT_EQ(port_.writes.back().bytes, 2u);
}

TEST_F(reporter_test, a_failed_write_is_tried_again_and_less_and_less_often) {
  port_.failures_left = 4;
  report(1);
  pass(60'000);
  ASSERT_EQ(port_.attempts.size(), 4u);
  EXPECT_GT(port_.attempts[3] - port_.attempts[2], port_.attempts[2] - port_.attempts[1]);
  ASSERT_EQ(port_.writes.size(), 1u);
  EXPECT_EQ(port_.writes[0].bytes, 1u);
}

TEST_F(reporter_test, a_newer_status_replaces_the_one_that_failed) {
  port_.failures_left = 1;
  report(1);
  report(2);
  pass(60'000);
  ASSERT_EQ(port_.writes.size(), 1u);
  EXPECT_EQ(port_.writes[0].bytes, 2u);
}

TEST_F(reporter_test, what_waits_is_written_at_the_end) {
  report(1);
  report(2);
  end();
  EXPECT_EQ(port_.writes.back().bytes, 2u);
}

}  // namespace gkm::node
