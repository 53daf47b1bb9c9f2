// Who gets the places for transfers and for questions, and who has to give one up.
#include "puller_fixture.hpp"

#include <gmock/gmock.h>

namespace gkm::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr uint64_t total_bytes = 1'000 * rate_least_bytes;

class puller_turns : public puller_test {
protected:
  void progress(size_t i, uint64_t bytes) {
    images_.transfers.at(i).progress(bytes, total_bytes);
    pass(1);
  }
  /// The first transfers bring so many bytes in each of some windows, as told at its end.
  void pass_windows(int windows, const std::vector<uint64_t>& bytes_per_window) {
    for (int w = 0; w < windows; ++w) {
      pass(rate_window - std::chrono::seconds(2));
      for (size_t i = 0; i < bytes_per_window.size(); ++i)
        if (bytes_per_window[i] > 0) progress(i, seen_[i] += bytes_per_window[i]);
      pass(std::chrono::seconds(2));
    }
  }

  static bool says(const std::shared_ptr<std::optional<result<bool>>>& got, bool what) {
    return *got && **got && ***got == what;
  }

private:
  std::map<size_t, uint64_t> seen_;
};

}  // namespace

// -- transfers ----------------------------------------------------------------------------------

TEST_F(puller_turns, one_tenant_has_its_share_in_the_order_it_asked) {
  pull_many("a", "123456789");
  EXPECT_EQ(transferred(), "123");
  answer(1, facts('2'));
  EXPECT_EQ(transferred(), "1234");
  answer(0, fail(errc::unavailable, "down"));
  EXPECT_EQ(transferred(), "12345");
}

TEST_F(puller_turns, a_greedy_tenant_leaves_places_for_others) {
  pull_many("a", "123456789");
  pull_many("b", "fed");
  pull_many("", "c");
  EXPECT_EQ(transferred(), "123fed") << "all at once, whatever the other has under way";
  static_assert(transfers_max == 6 && transfers_of_one_max == 3);
  answer(0, facts('1'));
  EXPECT_EQ(transferred(), "123fedc") << "the tenant that holds none is next";
  answer(1, facts('2'));
  EXPECT_EQ(transferred(), "123fedc4");
}

TEST_F(puller_turns, a_transfer_waits_for_every_tenant_that_asks) {
  pull_many("a", "1234");
  pull_many("b", "4");
  EXPECT_EQ(transferred(), "1234") << "in the turn of the second";
  pull_many("a", "5");
  pull_many("b", "ef");
  EXPECT_EQ(transferred(), "1234ef");
  answer(0, facts('1'));
  EXPECT_EQ(transferred(), "1234ef5");
}

TEST_F(puller_turns, who_leaves_takes_its_tenant_out_of_the_line) {
  pull_many("a", "123");
  pull_many("b", "456");
  pull_many("c", "7");
  pull_many("d", "7");
  abandon('7', {"c", "7"});
  abandon('7', {"d", "7"});
  answer(0, facts('1'));
  EXPECT_EQ(transferred(), "123456");
  pull_many("d", "7");
  EXPECT_EQ(transferred(), "1234567");
}

TEST_F(puller_turns, who_waits_for_others_is_told_and_nobody_else) {
  pull_many("a", "1234");
  pull_many("b", "f");
  EXPECT_THAT(waits_, ElementsAre(Pair('4', true)));
  answer(0, facts('1'));
  EXPECT_THAT(waits_, ElementsAre(Pair('4', true), Pair('4', false)));
}

TEST_F(puller_turns, a_line_has_an_end) {
  for (size_t i = 0; i < transfers_of_one_max + transfers_waiting_of_one_max; ++i) {
    auto plan = plan_of('a', "h" + std::to_string(i) + ".example");
    caf::anon_send(puller_, pull_atom_v, plan, ref(static_cast<int>(i), "a"), cache_);
  }
  pass(100);
  EXPECT_EQ(code_of(*pull(plan_of('b'), ref(1, "a"))), errc::busy);
  EXPECT_EQ(code_of(*pull(plan_of('b'), ref(1, "b"))), errc::none);
  EXPECT_EQ(transferred(), "aaab");
}

TEST_F(puller_turns, a_slow_transfer_gives_way_when_its_place_is_waited_for) {
  auto slow = pull(plan_of('1'), {"a", "1"});
  pull_many("a", "23");
  pass_windows(5, {1'000, 2 * rate_least_bytes, 2 * rate_least_bytes});
  EXPECT_FALSE(*slow) << "nobody waits";
  pull_many("a", "4");
  pass_windows(1, {1'000, 2 * rate_least_bytes, 2 * rate_least_bytes});
  ASSERT_EQ(code_of(*slow), errc::unavailable);
  EXPECT_THAT((*slow)->error().message, HasSubstr("gave way to others"));
  EXPECT_TRUE(images_.transfers[0].stop.stop_requested());
  EXPECT_FALSE(images_.transfers[1].stop.stop_requested());
  EXPECT_EQ(transferred(), "1234");
}

TEST_F(puller_turns, what_gave_way_waits_behind_the_others_and_is_given_more_time) {
  auto slow = plan_of('1');
  pull(slow, {"a", "1"});
  pull_many("a", "23456");
  pass_windows(1, {1'000, 2 * rate_least_bytes, 2 * rate_least_bytes});
  EXPECT_EQ(transferred(), "1234");
  auto again = pull(slow, {"a", "1"});
  for (size_t i : {1, 2, 3, 4}) answer(i, facts(static_cast<char>('1' + i)));
  ASSERT_EQ(transferred(), "1234561");
  pull_many("a", "789bcd");
  pass_windows(1, {});
  EXPECT_FALSE(*again) << "twice the time";
  pass_windows(1, {});
  EXPECT_EQ(code_of(*again), errc::unavailable);
}

TEST_F(puller_turns, what_waits_for_the_last_step_does_not_give_way) {
  auto whole = pull(plan_of('1'), {"a", "1"});
  pull_many("a", "234");
  progress(0, total_bytes);
  pass_windows(2, {0, 2 * rate_least_bytes, 2 * rate_least_bytes});
  EXPECT_FALSE(*whole);
}

TEST_F(puller_turns, nobody_waits_for_a_registry_of_a_strangers_choosing) {
  auto slow = pull(plan_of('1', "slow.example"), {"a", "1"});
  auto own = pull(plan_of('1', "quick.example"), {"b", "1"});
  ASSERT_EQ(transferred(), "11");
  answer(1, facts('1'));
  ASSERT_TRUE(*own);
  EXPECT_TRUE(**own);
  EXPECT_FALSE(*slow) << "its own registry has not said that it has this";
  answer(0, facts('1'));
  ASSERT_TRUE(*slow);
  EXPECT_TRUE(**slow);
  EXPECT_TRUE(node_.staging.empty());
}

TEST_F(puller_turns, another_login_is_not_held_up_by_a_slow_one) {
  auto theirs = plan_of('1');
  theirs.pull_secrets = {"b/login"};
  auto slow = pull(plan_of('1'), {"a", "1"});
  auto quick = pull(theirs, {"b", "1"});
  ASSERT_EQ(transferred(), "1");
  pass_windows(1, {1'000});
  EXPECT_EQ(code_of(*slow), errc::unavailable);
  ASSERT_EQ(transferred(), "11");
  EXPECT_EQ(images_.transfers[1].plan.pull_secrets, theirs.pull_secrets);
  answer(1, facts('1'));
  ASSERT_TRUE(*quick);
  EXPECT_TRUE(**quick);
}

TEST_F(puller_turns, the_login_is_of_somebody_who_still_asks) {
  auto theirs = plan_of('1');
  theirs.pull_secrets = {"b/login"};
  pull(plan_of('1'), {"a", "1"});
  auto other = pull(theirs, {"b", "1"});
  abandon('1', {"a", "1"});
  ASSERT_EQ(transferred(), "11");
  EXPECT_TRUE(images_.transfers[0].stop.stop_requested());
  EXPECT_EQ(images_.transfers[1].plan.pull_secrets, theirs.pull_secrets);
  answer(1, facts('1'));
  ASSERT_TRUE(*other);
  EXPECT_TRUE(**other);
}

TEST_F(puller_turns, a_turn_is_taken_with_the_login_of_its_tenant) {
  auto theirs = plan_of('1');
  theirs.pull_secrets = {"b/login"};
  pull_many("a", "234");
  pull(plan_of('1'), {"a", "1"});
  pull(theirs, {"b", "1"});
  ASSERT_EQ(transferred(), "2341");
  EXPECT_EQ(images_.transfers[3].plan.pull_secrets, theirs.pull_secrets);
}

TEST_F(puller_turns, another_login_is_not_given_what_the_first_has_brought) {
  auto theirs = plan_of('1');
  theirs.pull_secrets = {"b/login"};
  pull(plan_of('1'), {"a", "1"});
  auto other = pull(theirs, {"b", "1"});
  answer(0, facts('1'));
  EXPECT_EQ(code_of(*other), errc::conflict) << "it has to ask whether it may share it";
}

// -- questions ----------------------------------------------------------------------------------

TEST_F(puller_turns, questions_take_turns_by_tenant) {
  for (int i = 0; i < 20; ++i) resolve(ref(i, "a"));
  EXPECT_EQ(images_.asked.size(), questions_of_one_max);
  auto other = resolve(ref(1, "b"));
  ASSERT_EQ(images_.asked.size(), questions_of_one_max + 1);
  images_.asked.back().reply(plan_of('a'));
  pass(100);
  ASSERT_TRUE(*other);
  EXPECT_TRUE(**other);
  EXPECT_EQ(images_.asked.size(), questions_of_one_max + 1) << "the share of the first is taken";
}

TEST_F(puller_turns, a_question_that_nobody_waits_for_is_stopped_and_its_place_free) {
  for (int i = 0; i < 5; ++i) resolve(ref(i, "a"));
  ASSERT_EQ(images_.asked.size(), 4u);
  abandon(ref(0, "a"));
  EXPECT_TRUE(images_.asked[0].stop.stop_requested());
  ASSERT_EQ(images_.asked.size(), 5u);
  EXPECT_EQ(images_.asked[4].who, ref(4, "a"));
  abandon(ref(4, "a"));
  images_.asked[0].reply(plan_of('a'));
  pass(100);
  EXPECT_EQ(images_.asked.size(), 5u) << "a late answer frees nothing twice";
}

TEST_F(puller_turns, a_question_ends_when_its_time_is_over) {
  auto got = resolve(ref(1));
  pass(question_max - std::chrono::seconds(1));
  EXPECT_FALSE(*got);
  pass(std::chrono::seconds(2));
  ASSERT_EQ(code_of(*got), errc::unavailable);
  EXPECT_THAT((*got)->error().message, HasSubstr("a.example/b:c"));
  EXPECT_TRUE(images_.asked[0].stop.stop_requested());
}

TEST_F(puller_turns, the_time_of_a_question_begins_with_its_turn) {
  for (int i = 0; i < 4; ++i) resolve(ref(i));
  auto waits = resolve(ref(4));
  pass(question_max);
  ASSERT_EQ(images_.asked.size(), 5u);
  EXPECT_FALSE(*waits);
  pass(question_max - std::chrono::seconds(2));
  EXPECT_FALSE(*waits);
}

TEST_F(puller_turns, who_asks_another_question_gives_up_the_first) {
  auto first = resolve(ref(1));
  auto second = resolve(ref(1));
  EXPECT_EQ(code_of(*first), errc::cancelled);
  EXPECT_TRUE(images_.asked[0].stop.stop_requested());
  images_.asked[0].reply(fail(errc::cancelled, "stopped"));
  pass(100);
  EXPECT_FALSE(*second);
  images_.asked[1].reply(plan_of('a'));
  pass(100);
  ASSERT_TRUE(*second);
  EXPECT_TRUE(**second);
}

// -- sharing ------------------------------------------------------------------------------------

TEST_F(puller_turns, only_what_a_repository_has_shown_to_have_is_asked_for_there) {
  auto mine = plan_of('1');
  EXPECT_TRUE(says(prove(mine), false)) << "nothing is known of it";
  auto pulled = pull(mine, ref(1));
  answer(0, facts('1'));
  EXPECT_TRUE(says(prove(mine), true)) << "the very same";
  EXPECT_TRUE(says(prove(plan_of('1', "elsewhere.example")), false))
      << "a registry may claim anything";
  EXPECT_THAT(images_.proofs, IsEmpty());
}

TEST_F(puller_turns, another_login_is_asked_about_once) {
  auto theirs = plan_of('1');
  theirs.pull_secrets = {"b/login"};
  pull(plan_of('1'), ref(1));
  answer(0, facts('1'));
  auto refused = prove(theirs);
  ASSERT_EQ(images_.proofs.size(), 1u);
  images_.proofs[0].reply(false);
  pass(100);
  EXPECT_TRUE(says(refused, false));
  auto away = prove(theirs);
  images_.proofs.at(1).reply(fail(errc::unavailable, "down"));
  pass(100);
  EXPECT_EQ(code_of(*away), errc::unavailable);
  auto allowed = prove(theirs);
  images_.proofs.at(2).reply(true);
  pass(100);
  EXPECT_TRUE(says(allowed, true));
  EXPECT_TRUE(says(prove(theirs), true));
  EXPECT_EQ(images_.proofs.size(), 3u);
}

TEST_F(puller_turns, a_repository_that_a_record_names_is_asked) {
  caf::anon_send(puller_, origin_atom_v, digest_of('1'), plan_of('1').image);
  auto got = prove(plan_of('1'));
  ASSERT_EQ(images_.proofs.size(), 1u);
  images_.proofs[0].reply(true);
  pass(100);
  EXPECT_TRUE(says(got, true));
}

}  // namespace gkm::node
