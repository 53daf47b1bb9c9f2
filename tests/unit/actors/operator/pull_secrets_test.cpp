#include "actors/operator/pull_secrets.hpp"

#include "base/base64.hpp"
#include "leading_actor.hpp"
#include "messages/pull_secret.hpp"

#include <gtest/gtest.h>

namespace gkm::op {
namespace {

struct fake_secrets : secrets_port {
  struct part {
    copied_part what;
    std::string sealed;
  };
  std::map<std::string, part> there;
  std::map<std::string, std::string> sources;  ///< "namespace/name": version; none: "1"
  size_t reads = 0;
  size_t writes = 0;
  size_t open = 0;  ///< reads that are not answered
  size_t most_open = 0;
  std::vector<std::string> order;  ///< of reads
  std::vector<std::function<void()>> held;
  bool hold = false;
  bool down = false;

  void read_login(const secret_ref& from, answer<registry_login> reply) override {
    ++reads;
    order.push_back(from.ns + "/" + from.name);
    most_open = std::max(most_open, ++open);
    auto answer_it = [this, from, reply] {
      --open;
      if (down) return reply(fail(errc::unavailable, "down"));
      auto at = sources.find(from.ns + "/" + from.name);
      if (at == sources.end()) return reply(registry_login{"1", "login of " + from.name});
      if (at->second.empty()) return reply(fail(errc::not_found, "no such secret"));
      reply(registry_login{at->second, "login of " + from.name + " " + at->second});
    };
    if (hold)
      held.push_back(answer_it);
    else
      answer_it();
  }
  void write_part(const secret_ref&, const copied_part& what, const std::string& sealed,
                  answer<done> reply) override {
    ++writes;
    if (down) return reply(fail(errc::unavailable, "down"));
    there[what.name] = {what, sealed};
    reply(done{});
  }
  void drop_part(const std::string& name, answer<done> reply) override {
    ++writes;
    there.erase(name);
    reply(done{});
  }
  void list_parts(answer<std::vector<copied_part>> reply) override {
    std::vector<copied_part> all;
    for (const auto& [name, part] : there) all.push_back(part.what);
    reply(std::move(all));
  }
};

class pull_secrets : public leading_actor<pull_secrets_actor> {
protected:
  using labels = std::map<std::string, std::string>;

  pull_secrets() { begin(); }
  void begin() {
    actor_ = gkm::spawn<pull_secrets_state>(world_.system(), static_cast<secrets_port&>(port_),
                                            std::string("gkm-system"), uint64_t{1});
  }
  void end() {
    caf::anon_send_exit(actor_, caf::exit_reason::kill);
    world_.settle();
  }

  void want(const cache_ref& ref, const std::vector<std::string>& names,
            const labels& selector = {}) {
    tell(wanted_atom_v, ref, names, selector);
  }
  void say_node(const std::string& name, const labels& has = {}) {
    auto [at, fresh] = keys_.try_emplace(name);
    if (fresh) at->second = *base::make_private_key();
    caf::anon_send(actor_, node_atom_v, name, has,
                   base::to_base64(*base::public_key_of(at->second)));
  }
  void node(const std::string& name, const labels& has = {}) {
    say_node(name, has);
    run();
  }
  void node_leaves(const std::string& name) {
    tell(node_atom_v, name, labels{}, std::string());
    run(10);
  }
  /// What the node reads, as its agent does; empty: nothing.
  std::string read(const std::string& name, const std::string& ns = "team",
                   const std::string& secret = "login") {
    auto copy = pull_secret_copy(ns, secret);
    if (!port_.there.contains(copy)) return {};
    auto i = pull_secret_part_of(pull_secret_mark(name), port_.there[copy].what.parts);
    auto part = port_.there.find(pull_secret_part_name(copy, i));
    if (part == port_.there.end()) return {};
    return base::open_sealed(part->second.sealed, part->first, name, keys_[name])
        .value_or(std::string());
  }
  std::set<std::string> there() const {
    std::set<std::string> names;
    for (const auto& [name, part] : port_.there) names.insert(name);
    return names;
  }

  fake_secrets port_;
  std::map<std::string, std::string> keys_;
  const cache_ref one_{"team", "one"};
  const cache_ref two_{"team", "two"};
};

TEST_F(pull_secrets, are_there_as_long_as_a_cache_names_them) {
  lead(true);
  want(one_, {"login"});
  want(two_, {"login"});
  EXPECT_EQ(there(), std::set{pull_secret_copy("team", "login")});
  caf::anon_send(actor_, withdraw_atom_v, one_);
  run();
  EXPECT_EQ(there().size(), 1u);
  want(two_, {"other"});
  EXPECT_EQ(there(), std::set{pull_secret_copy("team", "other")});
}

TEST_F(pull_secrets, of_a_cluster_cache_are_gkms_own) {
  lead(true);
  want({"", "c"}, {"login"});
  EXPECT_EQ(there(), std::set{pull_secret_copy("gkm-system", "login")});
}

TEST_F(pull_secrets, open_on_the_nodes_of_their_caches_alone) {
  lead(true);
  node("gpu", {{"gpu", "yes"}, {"zone", "a"}});
  node("cpu", {{"gpu", "no"}});
  want(one_, {"login"}, {{"gpu", "yes"}});
  EXPECT_EQ(read("gpu"), "login of login");
  EXPECT_EQ(read("cpu"), "");
  want(two_, {"login", "other"});
  EXPECT_EQ(read("cpu"), "login of login") << "now one cache of that namespace is for every node";
  want({"rival", "c"}, {"login"}, {{"gpu", "no"}});
  EXPECT_EQ(read("gpu", "rival"), "") << "another namespace's is another secret";
  EXPECT_EQ(read("cpu", "rival"), "login of login");
}

TEST_F(pull_secrets, follow_nodes_that_come_go_and_change) {
  lead(true);
  want(one_, {"login"}, {{"gpu", "yes"}});
  node("a", {{"gpu", "yes"}});
  EXPECT_EQ(read("a"), "login of login");
  node("b", {{"gpu", "no"}});
  run(10);
  EXPECT_EQ(read("b"), "");
  node("b", {{"gpu", "yes"}});
  EXPECT_EQ(read("b"), "login of login");
  node("a", {{"gpu", "no"}});
  run(10);
  EXPECT_EQ(read("a"), "") << "relabelled";
  keys_.erase("b");
  node("b", {{"gpu", "yes"}});
  EXPECT_EQ(read("b"), "login of login") << "another key";
  node_leaves("b");
  EXPECT_EQ(read("b"), "");
}

TEST_F(pull_secrets, are_sealed_anew_without_the_nodes_of_a_cache_that_is_gone) {
  lead(true);
  node("a", {{"zone", "a"}});
  node("b", {{"zone", "b"}});
  want(one_, {"login"}, {{"zone", "a"}});
  want(two_, {"login"}, {{"zone", "b"}});
  EXPECT_EQ(read("a"), "login of login");
  caf::anon_send(actor_, withdraw_atom_v, one_);
  run();
  EXPECT_EQ(read("a"), "");
  EXPECT_EQ(read("b"), "login of login");
}

TEST_F(pull_secrets, take_no_key_that_is_none) {
  lead(true);
  node("a");
  want(one_, {"login"});
  for (const auto* key : {"!", "c2hvcnQ=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})
    tell(node_atom_v, std::string("rogue"), labels{}, std::string(key));
  run(10);
  EXPECT_EQ(read("a"), "login of login");
}

TEST_F(pull_secrets, nodes_that_come_together_cause_few_writes) {
  lead(true);
  want(one_, {"login"});
  run(10);
  port_.writes = 0;
  for (int i = 0; i < 200; ++i) say_node("n" + std::to_string(i));
  run(10);
  EXPECT_LE(port_.writes, 2u);
  for (int i = 0; i < 200; ++i) EXPECT_NE(read("n" + std::to_string(i)), "") << i;
}

TEST_F(pull_secrets, of_many_nodes_are_in_parts_and_one_more_node_changes_one) {
  lead(true);
  want(one_, {"login"});
  constexpr int many = 2'000;
  for (int i = 0; i < many; ++i) say_node("n" + std::to_string(i));
  run(30);
  EXPECT_EQ(there().size(), 8u);
  for (int i = 0; i < many; ++i) EXPECT_NE(read("n" + std::to_string(i)), "") << i;
  for (const auto& [name, part] : port_.there) EXPECT_LE(part.sealed.size(), 64u * 400) << name;
  port_.writes = 0;
  node("one-more");
  EXPECT_NE(read("one-more"), "");
  EXPECT_EQ(port_.writes, 1u);
  // Most of them go: what is left takes fewer parts, and no others stay.
  for (int i = 100; i < many; ++i)
    caf::anon_send(actor_, node_atom_v, "n" + std::to_string(i), labels{}, std::string());
  run(60);
  EXPECT_EQ(there(), std::set{pull_secret_copy("team", "login")});
  EXPECT_NE(read("n7"), "");
}

TEST_F(pull_secrets, are_left_to_the_leader_who_also_sweeps) {
  port_.there["gkm-pull-left-over"];
  port_.there["gkm-pull-left-over"].what.name = "gkm-pull-left-over";
  auto part = pull_secret_copy("gone", "login") + "-3";
  port_.there[part].what.name = part;
  want(one_, {"login"});
  EXPECT_EQ(port_.reads + port_.writes, 0u);
  lead(true);
  EXPECT_EQ(there(), std::set{pull_secret_copy("team", "login")});
}

TEST_F(pull_secrets, that_are_right_are_not_written_by_the_next_leader) {
  lead(true);
  node("a");
  want(one_, {"login"});
  want(two_, {"other"});
  run(10);
  end();
  port_.writes = 0;
  port_.sources["team/other"] = "2";
  begin();
  node("a");
  want(one_, {"login"});
  want(two_, {"other"});
  lead(true);
  EXPECT_EQ(port_.writes, 1u) << "only of the one that changed meanwhile";
  EXPECT_EQ(read("a", "team", "other"), "login of other 2");
}

TEST_F(pull_secrets, that_an_earlier_version_left_unsealed_are_replaced) {
  auto copy = pull_secret_copy("team", "login");
  port_.there[copy] = {{copy, 1, "", ""}, "auths"};
  want(one_, {"login"});
  lead(true);
  EXPECT_NE(port_.there[copy].sealed, "auths");
}

TEST_F(pull_secrets, that_are_taken_away_go_and_come_back) {
  lead(true);
  node("a");
  want(one_, {"login"});
  port_.sources["team/login"] = "";
  tell(login_failed_atom_v, one_);
  run(120);
  EXPECT_TRUE(there().empty());
  port_.sources["team/login"] = "2";
  run(400);
  EXPECT_EQ(read("a"), "login of login 2");
}

TEST_F(pull_secrets, are_read_again_when_a_node_cannot_log_in_but_not_all_day) {
  lead(true);
  want(one_, {"login"});
  port_.reads = 0;
  for (int i = 0; i < 100; ++i) tell(login_failed_atom_v, one_);
  EXPECT_GE(port_.reads, 1u);
  EXPECT_LE(port_.reads, 3u);
}

TEST_F(pull_secrets, are_tried_again_with_pauses) {
  lead(true);
  port_.down = true;
  want(one_, {"login"});
  run(600);
  EXPECT_LE(port_.reads, 15u);
  port_.down = false;
  run(600);
  EXPECT_EQ(there().size(), 1u);
}

TEST_F(pull_secrets, that_fail_are_not_tried_more_often_for_every_change) {
  lead(true);
  port_.down = true;
  for (int i = 0; i < 50; ++i) {
    want(one_, {"login"});
    run(60);
  }
  run(600);
  port_.reads = 0;
  run(3'600);
  EXPECT_LE(port_.reads, 3'600u / 150) << "once in 150 to 300 s";
}

TEST_F(pull_secrets, of_a_spec_that_flips_are_read_at_a_pace) {
  lead(true);
  std::vector<std::string> all;
  for (int i = 0; i < 16; ++i) all.push_back("s" + std::to_string(i));
  for (int i = 0; i < 200; ++i) {
    caf::anon_send(actor_, wanted_atom_v, one_, all, labels{{"flip", std::to_string(i)}});
    run();
  }
  EXPECT_LE(port_.reads, copies_in_a_row_max + 201u) << "3,200 were asked for in 200 s";
  EXPECT_LE(port_.most_open, copies_at_once_of_namespace_max);
}

TEST_F(pull_secrets, of_one_namespace_do_not_hold_up_anothers) {
  lead(true);
  port_.hold = true;
  std::vector<std::string> all;
  for (int i = 0; i < 16; ++i) all.push_back("s" + std::to_string(i));
  want(one_, all);
  EXPECT_EQ(port_.open, copies_at_once_of_namespace_max);
  want({"other", "c"}, {"login"});
  EXPECT_EQ(port_.order.back(), "other/login") << "while those of the first are not answered";
  port_.hold = false;
  while (!port_.held.empty()) {
    auto held = std::exchange(port_.held, {});
    for (auto& answer_it : held) answer_it();
    run();
  }
  EXPECT_EQ(there().size(), 17u);
}

TEST_F(pull_secrets, of_one_namespace_have_a_number) {
  lead(true);
  for (int i = 0; i < 300; ++i)
    caf::anon_send(actor_, wanted_atom_v, cache_ref{"team", "c" + std::to_string(i)},
                   std::vector<std::string>{"s" + std::to_string(i)}, labels{});
  run(600);
  EXPECT_EQ(there().size(), copies_of_namespace_max);
}

TEST_F(pull_secrets, come_back_while_they_are_being_dropped) {
  lead(true);
  node("a");
  for (int i = 0; i < 10; ++i) {
    caf::anon_send(actor_, withdraw_atom_v, one_);
    caf::anon_send(actor_, wanted_atom_v, one_, std::vector<std::string>{"login"}, labels{});
  }
  run(60);
  EXPECT_EQ(read("a"), "login of login");
}

TEST(pull_secret_copy, is_a_name_of_its_own) {
  EXPECT_EQ(pull_secret_copy("a", "b").size(), 49u);
  EXPECT_NE(pull_secret_copy("a", "b"), pull_secret_copy("a", "c"));
  EXPECT_NE(pull_secret_copy("a-b", "c"), pull_secret_copy("a", "b-c"));
}

TEST(pull_secret_part, has_a_name_that_reads_back) {
  auto copy = pull_secret_copy("a", "b");
  for (size_t part : {0, 1, 17, 255}) {
    auto known = parse_pull_secret_part(pull_secret_part_name(copy, part));
    ASSERT_TRUE(known);
    EXPECT_EQ(known->copy, copy);
    EXPECT_EQ(known->part, part);
  }
  for (const auto& other : {copy + "-256", copy + "-", copy + "-01", copy + "-0", copy + "x1",
                            std::string("gkm-pull-1"), std::string()})
    EXPECT_FALSE(parse_pull_secret_part(other)) << other;
}

TEST(allowance, is_some_at_once_and_then_one_in_a_while) {
  using std::chrono::seconds;
  allowance a(3, seconds(10));
  auto now = std::chrono::steady_clock::time_point(seconds(5));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(a.due(now).count(), 0);
    a.take(now);
  }
  EXPECT_EQ(a.due(now), seconds(10));
  EXPECT_EQ(a.due(now + seconds(10)).count(), 0);
  a.take(now + seconds(10));
  EXPECT_FALSE(a.is_full(now + seconds(30)));
  EXPECT_TRUE(a.is_full(now + seconds(40)));
}

}  // namespace
}  // namespace gkm::op
