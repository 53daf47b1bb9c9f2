#include "actors/csi/volumes.hpp"

#include "base/program/log.hpp"
#include "tests/support/sim/sim_csi_process.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace gkm::csi {
namespace {

using sim::duration;

/// Recovers when a test says so.
class slow_volumes : public sim::fake_mounter {
public:
  using fake_mounter::fake_mounter;
  std::vector<answer<done>> recoveries;
  void recover(answer<done> reply) override { recoveries.push_back(std::move(reply)); }
};

/// Takes its actor down, once.
class deadly_catalog : public sim::fake_catalog {
public:
  using fake_catalog::fake_catalog;
  bool armed = false;
  void lookup(const cache_ref& ref, answer<catalog_record> reply) override {
    if (std::exchange(armed, false)) throw std::runtime_error("bug");
    fake_catalog::lookup(ref, std::move(reply));
  }
};

class volumes_test : public testing::Test {
protected:
  volumes_test() {
    base::log::configure(base::log::level::off, false);
    world_.chaos().stop();
    actor_ = gkm::spawn<volumes_state>(world_.system(), volume_ports{&catalog_, &volumes_, &host_});
    catalog_record r;
    r.ref = {"", "vector-add"};
    r.state = cache_state::extracted;
    r.manifest = digest{std::string(64, 'a')};
    agent_.say(r);
    pass();
  }
  ~volumes_test() override {
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
    world_.settle();
  }

  template <class T>
  using outcome = std::shared_ptr<std::optional<result<T>>>;

  template <class T, class... Ts>
  outcome<T> ask(const Ts&... question) {
    auto got = std::make_shared<std::optional<result<T>>>();
    world_.system().spawn([=, this](caf::event_based_actor* self) {
      self->request(actor_, std::chrono::seconds(86'400), question...)
          .then([got](const T& answer) { *got = answer; },
                [got](const caf::error& e) { *got = fail(from_caf(e)); });
    });
    return got;
  }
  template <class T>
  bool is_waiting(const outcome<T>& got) {
    pass(0);
    return !got->has_value();
  }
  /// Of a cache that no record tells of.
  outcome<volume_record> publish_unknown(const std::string& id) {
    publish_request q;
    q.volume_id = id;
    q.target = "/kubelet/" + id;
    q.ref = {"", "unknown"};
    q.wait_s = 30;
    return ask<volume_record>(publish_atom_v, q);
  }
  outcome<volume_record> publish(const std::string& id, const std::string& ns = "") {
    publish_request q;
    q.volume_id = id;
    q.target = "/kubelet/" + id;
    q.pod_ns = ns;
    q.ref = {"", "vector-add"};
    return ask<volume_record>(publish_atom_v, q);
  }
  bool is_ready() {
    auto got = ask<bool>(ready_atom_v);
    pass();
    return ***got;
  }
  void recover() {
    volumes_.recoveries.at(0)(done{});
    pass();
  }
  void pass(int64_t ms = 1'000) {
    world_.run(duration(ms), [] {});
  }

  sim::world world_{1};
  sim::fake_node node_;
  deadly_catalog catalog_{world_, node_};
  slow_volumes volumes_{world_, node_};
  sim::fake_host host_{world_, node_};
  sim::fake_agent agent_{world_, node_};
  volumes_actor actor_;
};

}  // namespace

TEST_F(volumes_test, requests_wait_until_what_was_left_is_recovered) {
  auto got = publish("a");
  EXPECT_FALSE(is_ready());
  EXPECT_FALSE(*got);
  recover();
  EXPECT_TRUE(is_ready());
  EXPECT_TRUE(*got && **got);
}

TEST_F(volumes_test, a_failed_recovery_is_told_and_tried_again) {
  auto got = publish("a");
  pass();
  volumes_.recoveries.at(0)(fail(errc::io, "disk broken"));
  pass(100);
  ASSERT_TRUE(*got && !**got);
  EXPECT_EQ((*got)->error().code, errc::unavailable);
  EXPECT_FALSE(is_ready());
  pass(2'000);
  ASSERT_EQ(volumes_.recoveries.size(), 2u);
  volumes_.recoveries[1](done{});
  EXPECT_TRUE(is_ready());
  auto again = publish("a");
  pass();
  EXPECT_TRUE(*again && **again);
}

TEST_F(volumes_test, volumes_are_published_side_by_side) {
  recover();
  std::vector<outcome<volume_record>> all;
  for (int i = 0; i < 100; ++i) all.push_back(publish(std::to_string(i)));
  pass(250);
  for (const auto& got : all) EXPECT_TRUE(*got && **got);
  EXPECT_EQ(node_.mounts.size(), 100u);
}

TEST_F(volumes_test, only_the_first_wait_for_an_unknown_cache_is_long) {
  recover();
  auto first = publish_unknown("a");
  pass(29'000);
  EXPECT_FALSE(*first);
  pass(2'000);
  ASSERT_TRUE(*first && !**first);
  EXPECT_EQ((*first)->error().code, errc::not_found) << "kubelet lets go after it";
  for (int i = 0; i < 3; ++i) {
    auto later = publish_unknown("a");
    pass(1'500);
    EXPECT_FALSE(*later);
    pass(1'000);
    ASSERT_TRUE(*later && !**later);
    EXPECT_NE((*later)->error().message.find("within 2 s"), std::string::npos)
        << (*later)->error().message;
  }
  auto other = publish_unknown("b");
  pass(5'000);
  EXPECT_FALSE(*other) << "each volume has its own first wait";
  ask<bool>(unpublish_atom_v, std::string("b"), std::string("/kubelet/b"));
  pass(1'000);
  EXPECT_TRUE(*other);
}

TEST_F(volumes_test, a_cache_that_becomes_known_is_waited_for_again) {
  recover();
  auto first = publish_unknown("a");
  pass(31'000);
  ASSERT_TRUE(*first && !**first);
  auto later = publish_unknown("a");
  pass(1'000);
  catalog_record r;
  r.ref = {"", "unknown"};
  r.state = cache_state::pending;
  agent_.say(r);
  pass(20'000);
  EXPECT_FALSE(*later) << "it is on its way";
  r.state = cache_state::extracted;
  r.manifest = digest{std::string(64, 'b')};
  agent_.say(r);
  pass(1'000);
  EXPECT_TRUE(*later && **later);
}

TEST_F(volumes_test, at_the_end_nobody_waits_and_what_is_ready_is_mounted) {
  recover();
  auto waiting = publish_unknown("a");
  pass(1'000);
  auto mounting = publish("b");
  caf::anon_send(actor_, ending_atom_v);
  auto late = publish_unknown("c");
  pass(1'000);
  for (const auto& got : {waiting, late}) {
    ASSERT_TRUE(*got && !**got);
    EXPECT_EQ((*got)->error().code, errc::not_found);
  }
  EXPECT_TRUE(*mounting && **mounting);
}

TEST_F(volumes_test, a_volume_at_rest_has_no_actor) {
  recover();
  auto before = world_.system().registry().running();
  for (int i = 0; i < 100; ++i) publish(std::to_string(i));
  pass();
  EXPECT_EQ(node_.mounts.size(), 100u);
  EXPECT_EQ(world_.system().registry().running(), before);
}

TEST_F(volumes_test, an_actor_that_dies_is_an_answer_and_the_next_request_has_another) {
  recover();
  catalog_.armed = true;
  auto dies = publish("a"), behind = publish("a"), other = publish("b");
  pass();
  ASSERT_TRUE(*dies && *behind && *other);
  EXPECT_FALSE(**dies && **behind && **other);
  auto again = publish("a");
  pass();
  EXPECT_TRUE(*again && **again);
}

TEST_F(volumes_test, one_namespace_does_not_take_all_places) {
  std::vector<outcome<volume_record>> all;
  for (size_t i = 0; i < 2 * publishes_max; ++i) all.push_back(publish(std::to_string(i), "many"));
  pass(0);
  auto refused = std::count_if(all.begin(), all.end(), [](const auto& got) {
    return *got && !**got && (*got)->error().code == errc::unavailable;
  });
  EXPECT_EQ(static_cast<size_t>(refused), 2 * publishes_max - publishes_of_namespace_max);
  auto other = publish("other", "one");
  auto gone = ask<bool>(unpublish_atom_v, std::string("gone"), std::string("/kubelet/gone"));
  EXPECT_TRUE(is_waiting(other));
  EXPECT_TRUE(is_waiting(gone));
  recover();
  pass(10'000);
  EXPECT_TRUE(*other && **other);
  EXPECT_TRUE(*gone && **gone);
  for (const auto& got : all) EXPECT_TRUE(*got);
  // Places are given back.
  auto again = publish("again", "many");
  pass();
  EXPECT_TRUE(*again && **again);
}

TEST_F(volumes_test, unmounts_have_places_of_their_own) {
  for (size_t i = 0; i < publishes_max; ++i) publish(std::to_string(i), "ns" + std::to_string(i));
  pass(0);
  std::vector<outcome<bool>> all;
  for (size_t i = 0; i <= unpublishes_max; ++i)
    all.push_back(ask<bool>(unpublish_atom_v, "gone" + std::to_string(i), std::string("/k/gone")));
  pass(0);
  auto busy = std::count_if(all.begin(), all.end(), [](const auto& got) {
    return *got && !**got && (*got)->error().code == errc::busy;
  });
  EXPECT_EQ(busy, 1);
}

TEST(seats, a_newcomer_finds_one) {
  seats all(256, 128);
  for (int i = 0; i < 1'000; ++i)
    for (auto ns : {"a", "b", "c"}) all.take(ns);
  EXPECT_LT(all.taken(), 256u);
  EXPECT_EQ(all.taken_by("a"), all.taken_by("b"));
  EXPECT_TRUE(all.take("new"));
  all.leave("new");
  for (auto ns : {"a", "b", "c"})
    while (all.taken_by(ns) > 0) all.leave(ns);
  EXPECT_EQ(all.taken(), 0u);
}

}  // namespace gkm::csi
