#include "actors/operator/verdict.hpp"

#include "base/pace.hpp"
#include "messages/names.hpp"

#include <gtest/gtest.h>

namespace gkm::op {
namespace {

const digest now{std::string(64, 'a')};
const digest before{std::string(64, 'b')};

struct a_node {
  const char* name;
  bool wanted = true;
  bool has_gpu = true;
  std::vector<digest_hold> holds = {};
};

digest_hold hold(const digest& d, hold_state state, uint32_t pods = 0, bool fits = true) {
  digest_hold h;
  h.resolved = d;
  h.state = state;
  h.pods = pods;
  h.fits = fits;
  if (state == hold_state::error || state == hold_state::unload_error) h.message = "disk is full";
  return h;
}

struct row {
  const char* what;
  std::vector<a_node> nodes;
  resolution image;
  bool deleting;
  condition_status ready;
  const char* reason;
  const char* message;
};

const resolution good{now, {}};
constexpr auto yes = condition_status::yes;
constexpr auto no = condition_status::no;
constexpr auto extracted = hold_state::extracted;

const row table[] = {
    {"nothing known", {}, {}, false, no, "Pending", "The image is being resolved"},
    {"no such image", {}, {{}, {errc::invalid_argument, "bad", {}}}, false, no, "Error", "bad"},
    {"registry away",
     {},
     {{}, {errc::unavailable, "down", {}}},
     false,
     no,
     "Pending",
     "down; it is tried again"},
    {"no node", {}, good, false, no, "Pending", "No node that runs GKM's agent matches"},
    {"other nodes",
     {{"a", false}},
     good,
     false,
     no,
     "Pending",
     "No node that runs GKM's agent matches"},
    {"no GPU",
     {{"a", true, false}},
     good,
     false,
     no,
     "Error",
     "No node has a GPU that it is for; a"},
    {"wrong GPU",
     {{"a", true, true, {hold(now, hold_state::error, 0, false)}}},
     good,
     false,
     no,
     "Error",
     "No node has a GPU that it is for; a: disk is full"},
    {"waiting",
     {{"a"}, {"b", true, true, {hold(now, extracted)}}},
     good,
     false,
     no,
     "Pending",
     "1 of 2 nodes have it; waiting for a"},
    {"failed",
     {{"a", true, true, {hold(now, hold_state::error)}}},
     good,
     false,
     no,
     "Error",
     "0 of 1 nodes have it; failed on a: disk is full"},
    {"all have it, one needs none",
     {{"a", true, true, {hold(now, extracted)}}, {"b", true, false}},
     good,
     false,
     yes,
     "Extracted",
     "1 node has it"},
    {"in use",
     {{"a", true, true, {hold(now, extracted, 2)}}},
     good,
     false,
     yes,
     "Running",
     "1 node has it"},
    {"image changed",
     {{"a", true, true, {hold(before, extracted, 1)}}},
     good,
     false,
     no,
     "Outdated",
     "0 of 1 nodes have it; waiting for a"},
    {"old pods",
     {{"a", true, true, {hold(before, extracted, 1), hold(now, extracted)}}},
     good,
     false,
     yes,
     "Outdated",
     "1 node has it; 1 pod still uses an earlier image until restarted"},
    {"a node joins while it runs",
     {{"a", true, true, {hold(now, extracted, 1)}}, {"b"}},
     good,
     false,
     no,
     "Running",
     "1 of 2 nodes have it; waiting for b"},
    {"deleting, mounted",
     {{"a", true, true, {hold(now, extracted, 1)}}},
     good,
     true,
     no,
     "Deleting",
     "Deletion waits for 1 pod on a to end"},
    {"deleting, held",
     {{"a", true, true, {hold(now, extracted)}}},
     good,
     true,
     no,
     "Deleting",
     "Deletion waits for a to remove it"},
    {"deleting, stuck",
     {{"a", true, true, {hold(now, hold_state::unload_error)}}},
     good,
     true,
     no,
     "UnloadError",
     "Cannot be removed on a: disk is full"},
};

cache_object a_cache(bool deleting) {
  cache_object c;
  c.ref = {"ns", "c"};
  c.image = "quay.io/gkm/x:t";
  c.object.generation = 3;
  c.object.deleting = deleting;
  c.object.finalizers = {std::string(names::in_use_finalizer)};
  if (deleting) c.status.resolved = now;
  return c;
}

void fill(aggregate& to, const std::vector<a_node>& nodes) {
  to.set_current(now);
  for (const auto& n : nodes) {
    shared_holding held;
    if (!n.holds.empty()) held = std::make_shared<const node_holding>(node_holding{n.holds});
    to.set({std::make_shared<const std::string>(n.name), {true, n.wanted, n.has_gpu}, held});
  }
}

TEST(verdict, says_where_a_cache_stands) {
  for (const auto& r : table) {
    aggregate nodes;
    fill(nodes, r.nodes);
    auto cache = a_cache(r.deleting);
    auto status = status_of({cache, r.image, nodes, false, 100});
    const auto* ready = find_condition(status.conditions, "Ready");
    ASSERT_TRUE(ready) << r.what;
    EXPECT_EQ(ready->status, r.ready) << r.what;
    EXPECT_EQ(ready->reason, r.reason) << r.what;
    EXPECT_EQ(ready->message, r.message) << r.what;
    EXPECT_EQ(status.updated_unix_s, 100) << r.what;
    EXPECT_EQ(find_condition(status.conditions, "Verified")->reason, "PolicyOff");
    // What is right is left alone, however much later.
    cache.status = status;
    EXPECT_EQ(status_of({cache, r.image, nodes, false, 999}), status) << r.what;
    EXPECT_TRUE(events_between(cache, status).empty()) << r.what;
  }
}

TEST(verdict, names_the_pods_that_a_deletion_waits_for) {
  aggregate nodes;
  fill(nodes, {{"a", true, true, {hold(now, extracted, 1)}},
               {"b", true, true, {hold(now, extracted, 6)}}});
  auto cache = a_cache(true);
  std::vector<std::string> pods{"p1", "p2"};
  auto message = [&] {
    auto status = status_of({cache, good, nodes, false, 1, {}, &pods});
    return find_condition(status.conditions, "Ready")->message;
  };
  EXPECT_EQ(message(), "Deletion waits for pods p1, p2 and 5 more on a, b to end");
  pods = {"p1", "p2", "p3", "p4", "p5", "p6", "p7"};
  EXPECT_EQ(message(), "Deletion waits for pods p1, p2, p3, p4, p5 and 2 more on a, b to end");
  nodes.set({std::make_shared<const std::string>("b"), {}, nullptr});
  pods = {"p1"};
  EXPECT_EQ(message(), "Deletion waits for pod p1 on a to end");
}

TEST(verdict, names_the_digest_only_when_it_is_known) {
  aggregate nodes;
  auto cache = a_cache(false);
  auto status = status_of({cache, {}, nodes, false, 1});
  EXPECT_TRUE(status.resolved.empty());
  EXPECT_EQ(status.observed_generation, 0);
  status = status_of({cache, good, nodes, false, 1});
  EXPECT_EQ(status.resolved, now);
  EXPECT_EQ(status.resolved_image, "quay.io/gkm/x@" + now.str());
  EXPECT_EQ(status.observed_generation, 3);
}

TEST(verdict, keeps_the_finalizer_as_long_as_a_node_holds_it) {
  aggregate none, held;
  fill(held, {{"a", false, true, {hold(before, extracted)}}});
  auto step = [](cache_object c, const aggregate& nodes, bool ending = false) {
    return finalizer_due({c, good, nodes, ending, 1});
  };
  auto fresh = a_cache(false);
  fresh.object.finalizers.clear();
  EXPECT_EQ(step(fresh, none), finalizer_step::add);
  EXPECT_EQ(step(a_cache(false), none), finalizer_step::keep);
  EXPECT_EQ(step(a_cache(true), held), finalizer_step::keep);
  EXPECT_EQ(step(a_cache(true), held, true), finalizer_step::remove);
  EXPECT_EQ(step(a_cache(true), none), finalizer_step::remove);
  held.set({std::make_shared<const std::string>("a"), {}, nullptr});
  EXPECT_EQ(step(a_cache(true), held), finalizer_step::remove);
  auto others = a_cache(true);
  others.object.finalizers = {"example.com/other"};
  EXPECT_EQ(step(others, none), finalizer_step::keep);
}

TEST(verdict, of_a_cache_that_is_one_too_many_says_so_and_gives_nodes_nothing) {
  aggregate nodes;
  auto cache = a_cache(false);
  auto status = status_of({cache, {}, nodes, false, 1, "Namespace 'ns' has 1000"});
  const auto* ready = find_condition(status.conditions, "Ready");
  EXPECT_EQ(ready->reason, "LimitExceeded");
  EXPECT_EQ(ready->message, "Namespace 'ns' has 1000");
  EXPECT_TRUE(status.resolved.empty());
  auto events = events_between(cache, status);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].warning);
  EXPECT_EQ(events[0].reason, "LimitExceeded");
  cache.object.finalizers.clear();
  EXPECT_EQ(finalizer_due({cache, {}, nodes, false, 1, "no"}), finalizer_step::keep);
  auto going = a_cache(true);
  EXPECT_EQ(finalizer_due({going, {}, nodes, false, 1, "no"}), finalizer_step::remove);
}

TEST(verdict, an_image_that_names_its_digest_knows_better_than_an_old_annotation) {
  auto cache = a_cache(false);
  EXPECT_TRUE(wanted_digest(cache).empty());
  cache.admitted_digest = before;
  EXPECT_EQ(wanted_digest(cache), before);
  cache.image = "quay.io/gkm/x@" + now.str();
  EXPECT_EQ(wanted_digest(cache), now);
}

TEST(verdict, tells_people_of_what_matters) {
  aggregate nodes;
  fill(nodes, {{"a", true, true, {hold(now, hold_state::error)}}});
  auto cache = a_cache(false);
  auto events = events_between(cache, status_of({cache, good, nodes, false, 1}));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].reason, "Resolved");
  EXPECT_EQ(events[1].reason, "Error");
  EXPECT_TRUE(events[1].warning);
}

TEST(pace, lets_a_first_change_and_urgent_ones_through) {
  using namespace std::chrono_literals;
  using kind = base::pace::kind;
  base::pace p;
  base::pace::time t{};
  EXPECT_EQ(p.due(t, kind::change), 0ms);
  p.wrote(t, kind::change);
  EXPECT_EQ(p.due(t + 400ms, kind::change), 600ms);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(p.due(t, kind::urgent), 0ms);
    p.wrote(t, kind::urgent);
  }
  EXPECT_EQ(p.due(t + 1ms, kind::urgent), 999ms);
  EXPECT_EQ(p.due(t + 1s, kind::change), 0ms);
}

TEST(pace, tells_progress_ever_more_rarely) {
  using namespace std::chrono_literals;
  using kind = base::pace::kind;
  base::pace p;
  base::pace::time t{};
  p.wrote(t, kind::urgent);
  for (auto pause : {2'000ms, 4'000ms, 8'000ms, 16'000ms, 16'000ms}) {
    EXPECT_EQ(p.due(t, kind::progress), pause);
    t += pause;
    p.wrote(t, kind::progress);
  }
  EXPECT_EQ(p.due(t, kind::urgent), 0ms);
}

}  // namespace
}  // namespace gkm::op
