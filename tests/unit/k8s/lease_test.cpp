#include "k8s/lease.hpp"

#include "answers.hpp"
#include "story.hpp"
#include "tests/support/fake_api.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace gkm::k8s {
namespace {

using std::chrono::milliseconds;
using support::fake_api;
using support::reply;
using support::seen_request;

const object_key key{"gkm-system", "gkm-operator"};
constexpr auto path = "/apis/coordination.k8s.io/v1/namespaces/gkm-system/leases/gkm-operator";

class election : public ::testing::Test {
protected:
  election() : client_(at(api_.url())) {}

  /// "+a" gained, "-a" lost.
  std::unique_ptr<leader_election> run(const std::string& identity, milliseconds duration) {
    lease_options o{key, identity, duration, duration * 2 / 3, duration / 8};
    auto made = leader_election::start(
        client_, o,
        {[this, identity] { told_.say("+" + identity); },
         [this, identity](const std::string&) { told_.say("-" + identity); }});
    EXPECT_TRUE(made);
    return std::move(*made);
  }

  static result<done> stop(leader_election& e) {
    return wait_for<done>([&](auto r) { e.stop(r); });
  }

  std::string lease(std::initializer_list<std::string_view> where) {
    auto o = object::parse(api_.get(path));
    return o ? std::string(o->text(where)) : "";
  }

  fake_api api_;
  story told_;
  client client_;
};

constexpr milliseconds long_time{60'000};
constexpr milliseconds short_time{600};

}  // namespace

TEST_F(election, one_alone_leads) {
  auto a = run("a", long_time);
  EXPECT_EQ(told_.until("+a"), "+a");
  EXPECT_TRUE(a->leads());
  EXPECT_EQ(lease({"spec", "holderIdentity"}), "a");
  EXPECT_EQ(object::parse(api_.get(path))->integer({"spec", "leaseDurationSeconds"}), 60);
  ASSERT_TRUE(stop(*a));
  EXPECT_FALSE(a->leads());
  EXPECT_EQ(told_.until("-a"), "-a");
  EXPECT_EQ(lease({"spec", "holderIdentity"}), "");
}

TEST_F(election, a_lease_given_back_is_taken_at_once) {
  auto a = run("a", long_time);
  told_.until("+a");
  auto b = run("b", long_time);
  api_.wait_for_watches(2);
  EXPECT_FALSE(b->leads());
  ASSERT_TRUE(stop(*a));
  EXPECT_EQ(told_.until("+b"), "-a +b");
  EXPECT_EQ(object::parse(api_.get(path))->integer({"spec", "leaseTransitions"}), 1);
}

TEST_F(election, a_leader_that_cannot_renew_resigns_before_another_begins) {
  auto a = run("a", short_time);
  told_.until("+a");
  auto b = run("b", short_time);
  api_.wait_for_watches(2);
  api_.intercept([](const seen_request& r) -> std::optional<reply> {
    if (r.method == "GET" || r.body.find(R"("holderIdentity":"a")") == std::string::npos)
      return std::nullopt;
    return reply{500, "{}"};
  });
  EXPECT_EQ(told_.until("+b"), "-a +b");
  EXPECT_FALSE(a->leads());
  EXPECT_TRUE(b->leads());
}

TEST_F(election, a_renewing_leader_stays) {
  auto a = run("a", short_time);
  told_.until("+a");
  auto b = run("b", short_time);
  // Twenty renewals are more than two leases long.
  auto seen = api_.server().requests().size();
  api_.server().wait_for_requests(seen + 20);
  EXPECT_TRUE(a->leads());
  EXPECT_TRUE(told_.silent());
}

TEST_F(election, a_lease_whose_holder_is_silent_runs_out) {
  api_.put(path, R"({"metadata":{"name":"gkm-operator"},"spec":{"holderIdentity":"dead",)"
                 R"("leaseDurationSeconds":1,"renewTime":"2099-01-01T00:00:00.000000Z"}})");
  auto a = run("a", short_time);
  EXPECT_EQ(told_.until("+a"), "+a");
}

TEST_F(election, who_is_robbed_notices) {
  auto a = run("a", long_time);
  told_.until("+a");
  api_.put(path, R"({"metadata":{"name":"gkm-operator"},"spec":{"holderIdentity":"thief",)"
                 R"("leaseDurationSeconds":60}})");
  EXPECT_EQ(told_.until("-a"), "-a");
  EXPECT_FALSE(a->leads());
}

TEST_F(election, a_conflict_is_no_end) {
  auto a = run("a", short_time);
  told_.until("+a");
  // The answer of a renewal that worked may be lost: the next one conflicts.
  std::atomic<bool> once{false};
  api_.intercept([&](const seen_request& r) -> std::optional<reply> {
    if (r.method != "PUT" || once.exchange(true)) return std::nullopt;
    return reply{409, "{}"};
  });
  auto seen = api_.server().requests().size();
  api_.server().wait_for_requests(seen + 20);
  EXPECT_TRUE(once);
  EXPECT_TRUE(a->leads());
  EXPECT_TRUE(told_.silent());
}

TEST_F(election, times_must_make_sense) {
  for (auto o : {lease_options{key, "a", milliseconds{10}, milliseconds{10}, milliseconds{2}},
                 lease_options{key, "a", milliseconds{15}, milliseconds{10}, milliseconds{10}},
                 lease_options{key, "", milliseconds{15}, milliseconds{10}, milliseconds{2}}})
    EXPECT_EQ(leader_election::start(client_, o, {}).error().code, errc::invalid_argument);
}

}  // namespace gkm::k8s
