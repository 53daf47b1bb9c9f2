#include "actors/node/puller.hpp"

#include "actors/node/store.hpp"
#include "base/log.hpp"
#include "tests/support/sim_ports.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace gkm::node {
namespace {

using sim::duration;

digest digest_of(char c) { return digest{std::string(64, c)}; }

/// Transfers that do what a test says, and nothing else.
class manual_images : public image_port {
public:
  struct transfer {
    image_plan plan;
    std::string staging;
    std::function<void(uint64_t, uint64_t)> progress;
    std::stop_token stop;
    answer<stored_cache> reply;
  };
  std::vector<transfer> transfers;

  void resolve(const cache_spec& wanted, const std::vector<gpu>&,
               answer<image_plan> reply) override {
    reply(image_plan{wanted.image, digest_of('a'), digest_of('a'), 1, 1, {}, {}});
  }
  void fetch(const image_plan& plan, const std::string& staging,
             std::function<void(uint64_t, uint64_t)> progress, std::stop_token stop,
             answer<stored_cache> reply) override {
    transfers.push_back({plan, staging, std::move(progress), std::move(stop), std::move(reply)});
  }
};

class puller_test : public testing::Test {
protected:
  puller_test() {
    base::log::configure(base::log::level::off, false);
    world_.chaos().stop();
    disk_.statuses = &status_.seen;
    node_.capacity_bytes = 1'000'000;
    auto& system = world_.system();
    store_ = gkm::spawn<store_state>(system, disk_);
    puller_ = gkm::spawn<puller_state>(system, images_, store_);
    cache_ = system.spawn([this](cache_actor::pointer) -> cache_actor::behavior_type {
      return {[](wanted_atom, const cache_spec&) {},
              [](gpus_atom, const std::vector<gpu>&) {},
              [this](progress_atom, const digest&, uint64_t bytes, uint64_t) {
                progress_.push_back(bytes);
              },
              [](mounted_atom, const mounted_volume&) {},
              [](unmounted_atom, const mounted_volume&) {},
              [](retry_atom, uint64_t) {},
              [](withdraw_atom) {},
              [](run_atom, const continuation& c) { c.run(); }};
    });
  }
  ~puller_test() override {
    for (const auto& a : {caf::actor_cast<caf::actor>(puller_), caf::actor_cast<caf::actor>(store_),
                          caf::actor_cast<caf::actor>(cache_)})
      caf::anon_send_exit(a, caf::exit_reason::kill);
    world_.settle();
  }

  using outcome = std::optional<result<stored_cache>>;

  static cache_ref ref(int i) { return {"default", "c" + std::to_string(i)}; }

  std::shared_ptr<outcome> pull(char c, int asker, uint64_t unpacked_bytes = 1) {
    auto got = std::make_shared<outcome>();
    image_plan plan;
    plan.image = {"a.example", "b", "c", {}};
    plan.manifest = plan.resolved = digest_of(c);
    plan.unpacked_bytes = unpacked_bytes;
    world_.system().spawn([=, this](caf::event_based_actor* self) {
      self->request(puller_, std::chrono::seconds(3'600), pull_atom_v, plan, ref(asker), cache_)
          .then([got](const stored_cache& s) { *got = s; },
                [got](const caf::error& e) { *got = fail(from_caf(e)); });
    });
    pass(100);
    return got;
  }
  void abandon(char c, int asker) {
    caf::anon_send(puller_, abandon_atom_v, digest_of(c), ref(asker));
    pass(100);
  }
  static stored_cache facts(char c) { return {digest_of(c), "triton", 1, 1, {}, {}}; }
  void answer(size_t i, result<stored_cache> what) {
    images_.transfers.at(i).reply(std::move(what));
    pass(100);
  }
  void pass(int64_t ms) {
    world_.run(duration(ms), [] {});
  }
  static errc code_of(const outcome& got) { return got && !*got ? got->error().code : errc::none; }

  sim::world world_{1};
  sim::fake_node node_;
  sim::fake_disk disk_{world_, node_};
  sim::fake_status status_{world_};
  manual_images images_;
  store_actor store_;
  puller_actor puller_;
  cache_actor cache_;
  std::vector<uint64_t> progress_;
};

}  // namespace

TEST_F(puller_test, one_transfer_serves_everybody_who_asks) {
  std::vector<std::shared_ptr<outcome>> all;
  for (int i = 0; i < 5; ++i) all.push_back(pull('a', i));
  ASSERT_EQ(images_.transfers.size(), 1u);
  answer(0, facts('a'));
  for (const auto& got : all) {
    ASSERT_TRUE(*got);
    EXPECT_EQ(**got, facts('a'));
  }
  EXPECT_TRUE(node_.store.contains(digest_of('a')));
  EXPECT_TRUE(node_.staging.empty());
}

TEST_F(puller_test, a_failure_reaches_everybody_and_leaves_nothing_behind) {
  auto one = pull('a', 1), two = pull('a', 2);
  answer(0, fail(errc::corrupt, "wrong digest"));
  EXPECT_EQ(code_of(*one), errc::corrupt);
  EXPECT_EQ(code_of(*two), errc::corrupt);
  EXPECT_TRUE(node_.staging.empty());
}

TEST_F(puller_test, runs_three_at_a_time_in_the_order_they_were_asked) {
  std::vector<std::shared_ptr<outcome>> all;
  for (int i = 0; i < 6; ++i) all.push_back(pull(static_cast<char>('a' + i), i));
  ASSERT_EQ(images_.transfers.size(), transfers_max);
  answer(1, facts('b'));
  ASSERT_EQ(images_.transfers.size(), 4u);
  EXPECT_EQ(images_.transfers[3].plan.manifest, digest_of('d'));
  answer(0, fail(errc::unavailable, "down"));
  EXPECT_EQ(images_.transfers.size(), 5u);
}

TEST_F(puller_test, who_leaves_is_told_and_the_last_stops_the_transfer) {
  auto one = pull('a', 1), two = pull('a', 2);
  abandon('a', 1);
  EXPECT_EQ(code_of(*one), errc::cancelled);
  EXPECT_FALSE(images_.transfers[0].stop.stop_requested());
  abandon('a', 7);
  EXPECT_FALSE(images_.transfers[0].stop.stop_requested());
  abandon('a', 2);
  EXPECT_EQ(code_of(*two), errc::cancelled);
  EXPECT_TRUE(images_.transfers[0].stop.stop_requested());
  EXPECT_EQ(node_.staging.size(), 1u) << "the transfer may still write there";
  answer(0, fail(errc::cancelled, "stopped"));
  EXPECT_TRUE(node_.staging.empty());
}

TEST_F(puller_test, an_abandoned_one_in_the_queue_never_starts) {
  for (int i = 0; i < 4; ++i) pull(static_cast<char>('a' + i), i);
  abandon('d', 3);
  answer(0, facts('a'));
  EXPECT_EQ(images_.transfers.size(), transfers_max);
}

TEST_F(puller_test, asking_again_after_leaving_starts_afresh) {
  pull('a', 1);
  abandon('a', 1);
  auto again = pull('a', 1);
  ASSERT_EQ(images_.transfers.size(), 2u);
  answer(0, facts('a'));
  EXPECT_FALSE(*again) << "the old transfer's answer is nobody's";
  answer(1, facts('a'));
  ASSERT_TRUE(*again);
  EXPECT_TRUE(**again);
  EXPECT_TRUE(node_.staging.empty());
}

TEST_F(puller_test, who_asks_twice_is_answered_twice) {
  auto first = pull('a', 1), second = pull('a', 1);
  EXPECT_EQ(code_of(*first), errc::cancelled);
  answer(0, facts('a'));
  ASSERT_TRUE(*second);
  EXPECT_TRUE(**second);
}

TEST_F(puller_test, a_silent_transfer_is_given_up) {
  auto got = pull('a', 1);
  pass(2 * std::chrono::milliseconds(silence_max).count());
  EXPECT_EQ(code_of(*got), errc::unavailable);
  EXPECT_TRUE(images_.transfers[0].stop.stop_requested());
}

TEST_F(puller_test, a_slow_transfer_is_not) {
  auto got = pull('a', 1);
  for (uint64_t i = 1; i <= 10; ++i) {
    pass(std::chrono::milliseconds(silence_max).count() - 1'000);
    images_.transfers[0].progress(i, 10);
  }
  pass(100);
  EXPECT_FALSE(*got);
  EXPECT_EQ(progress_.size(), 10u);
  answer(0, facts('a'));
  EXPECT_TRUE(*got && **got);
}

TEST_F(puller_test, without_space_nothing_is_transferred) {
  EXPECT_EQ(code_of(*pull('a', 1, UINT64_MAX)), errc::no_space);
  EXPECT_TRUE(images_.transfers.empty());
}

}  // namespace gkm::node
