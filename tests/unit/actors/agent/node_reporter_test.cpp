#include "actors/agent/node_reporter.hpp"

#include "actors/agent/report_budget.hpp"
#include "base/program/log.hpp"
#include "tests/support/sim/sim_ports.hpp"
#include "tests/support/sim/sim_world.hpp"
#include "views.hpp"

#include <gtest/gtest.h>

namespace gkm::node {
namespace {

using sim::duration;

/// The API's side of one node's reports: takes a while, counts, and refuses what it is told to.
class fake_reports : public reports_port {
public:
  explicit fake_reports(sim::process p) : process_(std::move(p)) {}

  std::map<std::string, node_report> there;  ///< by namespace
  size_t creates = 0, writes = 0, removes = 0, open = 0, most_open = 0;
  std::vector<int64_t> written_ms;
  std::vector<std::string> events;
  bool away = false;
  bool knows_renewals = true;  ///< the API's definition of a report has the field
  std::function<void()> just_before_a_write;
  bool knows_no_keys = false;                    ///< as a server whose CRD is older
  std::function<void()> on_the_way_back;         ///< of what was read
  std::function<void(const node_report&)> tell;  ///< the watch

  void create(const node_report& report, const std::string& uid,
              answer<node_report> reply) override {
    ++creates;
    EXPECT_EQ(uid, "node-uid");
    EXPECT_TRUE(report.caches.empty()) << "only /status takes a status";
    answer_later<node_report>(reply, [this, report]() -> result<node_report> {
      if (there.contains(report.ns)) return fail(errc::conflict, "already exists");
      node_report made;
      made.ns = report.ns;
      made.name = report.name;
      made.object.uid = std::to_string(++version_);
      return there[report.ns] = versioned(made);
    });
  }
  void write(const node_report& seen, const node_report& wanted,
             answer<node_report> reply) override {
    ++writes;
    written_ms.push_back(process_.now_ms());
    if (just_before_a_write) std::exchange(just_before_a_write, nullptr)();
    answer_later<node_report>(reply, [this, seen, wanted]() -> result<node_report> {
      auto at = there.find(seen.ns);
      if (at == there.end()) return fail(errc::not_found, "gone");
      if (at->second.object != seen.object) return fail(errc::conflict, "modified");
      auto kept = wanted;
      if (knows_no_keys) kept.pull_secret_key.clear();
      if (!knows_renewals) kept.renewed_unix_s = 0;
      return at->second = versioned(kept);
    });
  }
  void remove(const node_report& seen, answer<done> reply) override {
    ++removes;
    answer_later<done>(reply, [this, seen]() -> result<done> {
      there.erase(seen.ns);
      return done{};
    });
  }
  void read(const std::string& ns, answer<node_report> reply) override {
    answer_later<node_report>(reply, [this, ns]() -> result<node_report> {
      auto at = there.find(ns);
      if (at == there.end()) return fail(errc::not_found, "none");
      auto found = at->second;
      if (on_the_way_back) std::exchange(on_the_way_back, nullptr)();
      return found;
    });
  }
  void record(const node_report&, const report_event& event) override {
    events.push_back(event.reason);
  }

  node_report versioned(node_report r) {
    r.object.resource_version = std::to_string(++version_);
    if (tell) process_.after(duration(30), [this, r] { tell(r); });
    return r;
  }

private:
  template <class T>
  void answer_later(answer<T> reply, std::function<result<T>()> effect) {
    most_open = std::max(most_open, ++open);
    process_.after(duration(20), [this, reply, effect] {
      --open;
      if (away) return reply(fail(errc::unavailable, "the API server is away"));
      reply(effect());
    });
  }

  sim::process process_;
  uint64_t version_ = 0;
};

class node_reporter_test : public testing::Test {
protected:
  node_reporter_test() {
    base::log::configure(base::log::level::off, false);
    port_.tell = [this](const node_report& r) { say(report_seen_atom_v, r); };
    start();
  }
  ~node_reporter_test() override { end(); }

  void start() {
    actor_ = gkm::spawn<node_reporter_state>(world_.system(), "worker-1", port_, clock_, 1, nullptr,
                                             "public key");
  }
  void end() {
    if (actor_) caf::anon_send_exit(actor_, caf::exit_reason::kill);
    actor_ = nullptr;
    world_.settle();
    process_.end_life();
  }
  template <class... Ts>
  void say(const Ts&... message) {
    if (!actor_) return;
    caf::anon_send(actor_, message...);
    world_.settle();
  }
  /// All that has to be known before anything is written.
  void begin() {
    say(node_atom_v, std::string("node-uid"));
    say(gpus_atom_v, std::vector<gpu>{{0, "hip", "gfx90a", "MI210", "", "6.1"}});
    say(volumes_synced_atom_v);
    for (const auto& [ns, r] : std::map(port_.there)) say(report_seen_atom_v, r);
    say(reports_synced_atom_v);
  }
  void want(const cache_ref& ref, char image) { say(changed_atom_v, spec_named(ref, image)); }
  void is(const cache_ref& ref, cache_state state, char image, char serving = 0) {
    say(report_atom_v, status_of(ref, state, image, serving));
  }
  void pass(int64_t ms) {
    world_.run(duration(ms), [] {});
  }
  std::string state(const cache_ref& ref, char d) {
    auto r = port_.there.find(ref.ns);
    if (r == port_.there.end()) return "no report";
    auto c = r->second.caches.find(ref.name);
    if (c == r->second.caches.end() || !c->second.contains(digest_of(d))) return "no entry";
    return std::string(state_of(c->second.at(digest_of(d))));
  }

  /// Writes in so many seconds in which nothing happens.
  size_t writes_in(int seconds) {
    auto before = port_.writes;
    pass(1'000LL * seconds);
    return port_.writes - before;
  }

  const cache_ref x_{"team", "x"};
  sim::world world_{1};
  sim::fake_clock clock_{world_};
  sim::process process_{world_};
  fake_reports port_{process_};
  node_reporter_actor actor_;
};

}  // namespace

TEST_F(node_reporter_test, the_node_says_its_gpus_before_it_has_any_cache) {
  begin();
  pass(100);
  ASSERT_TRUE(port_.there.contains(""));
  EXPECT_EQ(port_.there[""].node_name, "worker-1");
  ASSERT_EQ(port_.there[""].gpus.size(), 1u);
  EXPECT_EQ(port_.there[""].gpus[0].gpu_type, "MI210");
  EXPECT_EQ(port_.there.size(), 1u);
}

TEST_F(node_reporter_test, the_nodes_key_is_in_the_report_without_a_namespace_alone) {
  begin();
  want(x_, 'a');
  pass(100);
  EXPECT_EQ(port_.there[""].pull_secret_key, "public key");
  ASSERT_TRUE(port_.there.contains("team"));
  EXPECT_EQ(port_.there["team"].pull_secret_key, "");
}

TEST_F(node_reporter_test, what_the_api_does_not_keep_is_not_written_for_ever) {
  port_.knows_no_keys = true;
  begin();
  pass(60'000);
  EXPECT_LE(port_.writes, 2u);
  auto before = port_.writes;
  // Other changes are written, and what others change is mended.
  say(gpus_atom_v, std::vector<gpu>{{0, "hip", "gfx942", "MI300", "", "6.1"}});
  pass(5'000);
  EXPECT_EQ(port_.there[""].gpus[0].gpu_type, "MI300");
  auto touched = port_.there[""];
  touched.gpus.clear();
  port_.there[""] = port_.versioned(touched);
  pass(60'000);
  EXPECT_EQ(port_.there[""].gpus.size(), 1u);
  EXPECT_LE(port_.writes, before + 6);
}

TEST_F(node_reporter_test, nothing_is_written_before_the_node_is_known) {
  say(gpus_atom_v, std::vector<gpu>{});
  say(volumes_synced_atom_v);
  say(reports_synced_atom_v);
  want(x_, 'a');
  pass(60'000);
  EXPECT_EQ(port_.creates, 0u);
  say(node_atom_v, std::string("node-uid"));
  pass(100);
  EXPECT_EQ(state(x_, 'a'), "Pending");
}

TEST_F(node_reporter_test, from_wanted_to_extracted_takes_three_requests_and_no_pause) {
  begin();
  pass(5'000);
  auto before = port_.creates + port_.writes;
  want(x_, 'a');
  is(x_, cache_state::pending, 'a');
  pass(45);
  is(x_, cache_state::extracted, 'a', 'a');
  pass(100);
  EXPECT_EQ(state(x_, 'a'), "Extracted");
  EXPECT_LE(port_.creates + port_.writes - before, 3u);
  EXPECT_EQ(port_.events, std::vector<std::string>{"Created"});
  auto written = port_.writes;
  pass(60'000);
  EXPECT_LE(port_.writes, written + 1) << "idle, but for a renewal";
}

TEST_F(node_reporter_test, the_next_cache_is_not_held_up_by_the_one_before) {
  begin();
  pass(5'000);
  for (char c : {'a', 'b'}) {
    cache_ref ref{"team", std::string("c") + c};
    want(ref, c);
    is(ref, cache_state::pending, c);
    pass(45);
    is(ref, cache_state::extracted, c, c);
    pass(100);
    EXPECT_EQ(state(ref, c), "Extracted");
  }
}

TEST_F(node_reporter_test, of_ten_caches_at_once_none_stays_pending) {
  begin();
  for (char c = '0'; c <= '9'; ++c) {
    want({"team", std::string("c") + c}, c);
    is({"team", std::string("c") + c}, cache_state::pending, c);
  }
  for (char c = '0'; c <= '9'; ++c) {
    pass(17);
    is({"team", std::string("c") + c}, cache_state::extracted, c, c);
  }
  pass(1'500);
  for (char c = '0'; c <= '9'; ++c)
    EXPECT_EQ(state({"team", std::string("c") + c}, c), "Extracted") << c;
  EXPECT_LE(port_.writes, 8u) << "they share a report";
}

TEST_F(node_reporter_test, one_request_is_open_for_each_report) {
  begin();
  for (int i = 0; i < 200; ++i) {
    is(x_, i % 2 ? cache_state::error : cache_state::pending, 'a');
    pass(10);
  }
  EXPECT_LE(port_.most_open, 2u) << "of two reports";
  EXPECT_LE(port_.written_ms.size(), 9u) << "flapping is not worth more than a write a second";
}

TEST_F(node_reporter_test, a_conflict_after_extraction_is_repaired) {
  begin();
  want(x_, 'a');
  is(x_, cache_state::pending, 'a');
  pass(2'000);
  port_.just_before_a_write = [this] {
    auto& r = port_.there["team"];
    r.caches["stranger"] = r.caches["x"];
    r = port_.versioned(r);
  };
  is(x_, cache_state::extracted, 'a', 'a');
  pass(3'000);
  EXPECT_EQ(state(x_, 'a'), "Extracted");
  say(synced_atom_v);
  pass(3'000);
  EXPECT_FALSE(port_.there["team"].caches.contains("stranger"));
}

TEST_F(node_reporter_test, a_report_that_somebody_deletes_comes_back) {
  begin();
  is(x_, cache_state::extracted, 'a', 'a');
  pass(2'000);
  auto uid = port_.there["team"].object.uid;
  port_.there.erase("team");
  say(report_gone_atom_v, std::string("team"), uid);
  pass(2'000);
  EXPECT_EQ(state(x_, 'a'), "Extracted");
  port_.there.erase("team");
  is(x_, cache_state::error, 'a');
  pass(5'000);
  EXPECT_EQ(state(x_, 'a'), "Error") << "nobody told, the write found out";
}

TEST_F(node_reporter_test, a_report_that_goes_while_it_is_read_comes_back) {
  begin();
  is(x_, cache_state::pending, 'a');
  pass(2'000);
  port_.just_before_a_write = [this] {
    auto& r = port_.there["team"];
    r = port_.versioned(r);
  };
  port_.on_the_way_back = [this] {
    // Nothing differs from what was to be written: no write will find out.
    auto uid = port_.there["team"].object.uid;
    port_.there.erase("team");
    say(report_gone_atom_v, std::string("team"), uid);
    is(x_, cache_state::pending, 'a');
  };
  is(x_, cache_state::extracted, 'a', 'a');
  pass(3'000);
  EXPECT_EQ(state(x_, 'a'), "Pending");
}

TEST_F(node_reporter_test, without_its_node_object_nothing_is_reported) {
  begin();
  is(x_, cache_state::extracted, 'a', 'a');
  pass(2'000);
  say(node_atom_v, std::string());
  auto creates = port_.creates;
  for (const auto& [ns, r] : std::map(port_.there)) {
    port_.there.erase(ns);
    say(report_gone_atom_v, ns, r.object.uid);
  }
  pass(60'000);
  EXPECT_EQ(port_.creates, creates);
  say(node_atom_v, std::string("node-uid"));
  pass(1'000);
  EXPECT_EQ(state(x_, 'a'), "Extracted");
}

TEST_F(node_reporter_test, what_happens_while_the_api_is_away_is_told_when_it_is_back) {
  begin();
  is(x_, cache_state::pending, 'a');
  pass(2'000);
  port_.away = true;
  is(x_, cache_state::extracted, 'a', 'a');
  pass(3'600'000);
  auto tries = port_.writes;
  EXPECT_LE(tries, 60u) << "of two reports, less and less often";
  port_.away = false;
  say(reports_synced_atom_v);
  pass(100);
  EXPECT_EQ(state(x_, 'a'), "Extracted");
}

TEST_F(node_reporter_test,
       what_is_refused_is_not_tried_more_often_for_every_watch_that_works_again) {
  begin();
  is(x_, cache_state::pending, 'a');
  pass(2'000);
  port_.away = true;
  is(x_, cache_state::extracted, 'a', 'a');
  for (int i = 0; i < 50; ++i) {
    pass(60'000);
    say(reports_synced_atom_v);
  }
  pass(600'000);
  auto before = port_.writes;
  pass(3'600'000);
  EXPECT_LE(port_.writes - before, 2 * 3'600u / 150) << "of two reports, once in 150 to 300 s";
}

TEST_F(node_reporter_test, a_new_life_takes_nothing_back_before_it_knows) {
  begin();
  is(x_, cache_state::extracted, 'a', 'a');
  is({"team", "left"}, cache_state::extracted, 'b', 'b');
  is({"old", "y"}, cache_state::extracted, 'c', 'c');
  pass(3'000);
  end();
  auto before = port_.there;
  start();
  begin();
  want(x_, 'a');
  pass(3'000);
  EXPECT_EQ(port_.there, before);
  say(synced_atom_v);
  pass(3'000);
  EXPECT_EQ(state(x_, 'a'), "Extracted");
  EXPECT_EQ(state({"team", "left"}, 'b'), "no entry");
  EXPECT_FALSE(port_.there.contains("old")) << "it says nothing any more";
}

TEST_F(node_reporter_test, a_report_goes_with_its_last_entry) {
  begin();
  say(synced_atom_v);
  want(x_, 'a');
  is(x_, cache_state::extracted, 'a', 'a');
  pass(3'000);
  say(deleted_atom_v, x_);
  pass(3'000);
  EXPECT_EQ(state(x_, 'a'), "Extracted") << "the node still holds it";
  say(retract_atom_v, x_);
  pass(3'000);
  EXPECT_FALSE(port_.there.contains("team"));
  EXPECT_TRUE(port_.there.contains(""));
  EXPECT_EQ(port_.events, (std::vector<std::string>{"Created", "Deleting"}));
}

TEST_F(node_reporter_test, a_deleted_cache_stays_listed_while_pods_have_it) {
  begin();
  say(synced_atom_v);
  want(x_, 'a');
  is(x_, cache_state::extracted, 'a', 'a');
  say(mounted_atom_v, volume_of(x_, 'a', "pod"));
  pass(3'000);
  EXPECT_EQ(state(x_, 'a'), "Running");
  say(deleted_atom_v, x_);
  say(retract_atom_v, x_);
  pass(3'000);
  EXPECT_EQ(state(x_, 'a'), "Running");
  EXPECT_EQ(port_.there["team"].counts.pods_running, 1u);
  say(unmounted_atom_v, volume_of(x_, 'a', "pod"));
  pass(3'000);
  EXPECT_FALSE(port_.there.contains("team"));
  EXPECT_EQ(port_.events,
            (std::vector<std::string>{"Created", "CacheUsed", "CacheRelease", "Deleting"}));
}

TEST_F(node_reporter_test, says_what_it_waits_for_without_an_inventory) {
  say(node_atom_v, std::string("node-uid"));
  say(no_gpus_atom_v, std::string("there is no gpus.json"));
  say(volumes_synced_atom_v);
  say(reports_synced_atom_v);
  want(x_, 'a');
  pass(1'000);
  ASSERT_EQ(state(x_, 'a'), "Pending");
  const auto& e = port_.there["team"].caches["x"].at(digest_of('a'));
  EXPECT_NE(e.conditions[0].message.find("gpus.json"), std::string::npos);
}

TEST_F(node_reporter_test, an_idle_node_says_every_few_minutes_that_its_agent_is_there) {
  begin();
  is(x_, cache_state::extracted, 'a', 'a');
  pass(2'000);
  auto first = port_.there[""].renewed_unix_s;
  EXPECT_NE(first, 0);
  auto namespaced = port_.there["team"];
  constexpr int hour = 3'600;
  auto renewals = writes_in(hour);
  EXPECT_GE(renewals, hour / static_cast<size_t>(renewal_most.count()));
  EXPECT_LE(renewals, hour / static_cast<size_t>(renewal_least.count()) + 1);
  EXPECT_GE(port_.there[""].renewed_unix_s, first + hour - renewal_most.count());
  EXPECT_EQ(port_.there["team"], namespaced) << "one object of a node is enough";
}

TEST_F(node_reporter_test, a_new_life_says_soon_that_it_is_there) {
  begin();
  pass(1'000);
  end();
  pass(3'600'000);
  auto before = port_.there[""].renewed_unix_s;
  start();
  begin();
  pass(1'000LL * (first_renewal_most.count() + 1));
  EXPECT_GT(port_.there[""].renewed_unix_s, before + 3'000);
}

TEST_F(node_reporter_test, an_api_that_drops_the_renewal_is_told_no_more_often) {
  port_.knows_renewals = false;
  begin();
  pass(100'000);
  EXPECT_LE(writes_in(3'600), 3'600u / static_cast<size_t>(renewal_least.count()) + 1);
}

TEST_F(node_reporter_test, a_renewal_that_fails_is_tried_again) {
  begin();
  pass(100'000);
  auto before = port_.there[""].renewed_unix_s;
  port_.away = true;
  pass(400'000);
  port_.away = false;
  pass(300'000);
  EXPECT_GT(port_.there[""].renewed_unix_s, before + 400);
}

TEST_F(node_reporter_test, what_is_too_much_for_a_report_is_counted_and_written_once) {
  begin();
  for (int i = 0; i < 60; ++i) say(mounted_atom_v, volume_of(x_, 'a', "pod-" + std::to_string(i)));
  for (int i = 0; i < 1'050; ++i) {
    cache_ref ref{"team", "failing-" + std::to_string(i)};
    auto status = status_of(ref, cache_state::error, 'b');
    status.code = errc::not_found;
    status.message = std::string(1'024, 'e');
    caf::anon_send(actor_, report_atom_v, status);
    caf::anon_send(actor_, changed_atom_v, spec_named(ref, 'b'));
  }
  is(x_, cache_state::extracted, 'a', 'a');
  pass(10'000);
  const auto& report = port_.there["team"];
  EXPECT_EQ(report.caches.size(), 1'051u);
  EXPECT_EQ(report.omitted, 0u);
  EXPECT_LE(bytes_in_etcd(report), report_bytes_max);
  EXPECT_EQ(report.counts.pods_running, 60u);
  EXPECT_EQ(report.caches.at("x").at(digest_of('a')).pod_count, 60u);
  EXPECT_LE(writes_in(60), 1u) << "the same again is no news";
}

}  // namespace gkm::node
