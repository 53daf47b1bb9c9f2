// k8s/ on the real thing: everything that GKM asks of an API server, and how it is let in.
#include "k8s/client.hpp"

#include "k8s/events.hpp"
#include "k8s/lease.hpp"
#include "k8s/objects/patch.hpp"
#include "k8s/objects/types.hpp"
#include "tests/support/kube/deployment.hpp"
#include "tests/support/kube/k8s_answers.hpp"
#include "tests/support/kube/kube_identities.hpp"
#include "tests/support/temp_dir.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace gkm::k8s {
namespace {

using support::wait_for;
using ::testing::HasSubstr;

class api : public support::deployed_test {
protected:
  void SetUp() override {
    deployed_test::SetUp();
    if (IsSkipped()) return;
    support::make_namespace(server(), ns);
  }

  static config config_of(const support::kubectl& who) {
    kubeconfig_options o;
    o.file = who.kubeconfig();
    auto c = from_kubeconfig(o);
    EXPECT_TRUE(c) << c.error().message;
    return c.value_or(config{});
  }

  static config with_token(const std::string& token) {
    auto c = config_of(admin());
    c.identity = {};
    c.identity.token = token;
    return c;
  }

  static std::string map_json(const std::string& name, const std::string& value) {
    return draft(config_maps, {ns, name}).set({"data", "key"}, value).print();
  }

  static result<object> create(client& c, const std::string& name) {
    return wait_for<object>([&](auto r) { c.create(config_maps, ns, map_json(name, "1"), r); });
  }

  static result<object> get(client& c, const resource& what, const std::string& name) {
    return wait_for<object>([&](auto r) { c.get(what, {ns, name}, r); });
  }

  static constexpr auto ns = "client-test";
};

}  // namespace

TEST_F(api, lets_a_client_certificate_in_and_does_what_it_asks) {
  client c(config_of(admin()));
  EXPECT_EQ(get(c, config_maps, "a").error().code, errc::not_found);
  auto made = create(c, "a");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(create(c, "a").error().code, errc::conflict);
  object_key a{ns, "a"};
  draft next(*made);
  next.set({"data", "key"}, "2");
  auto updated = wait_for<object>([&](auto r) { c.update(config_maps, a, next.print(), r); });
  ASSERT_TRUE(updated) << updated.error().message;
  auto stale = wait_for<object>([&](auto r) { c.update(config_maps, a, next.print(), r); });
  EXPECT_EQ(stale.error().code, errc::conflict);
  auto merged = wait_for<object>(
      [&](auto r) { c.merge_patch(config_maps, a, R"({"data":{"more":"3"}})", r); });
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(merged->text({"data", "key"}), "2");
  json_patch p;
  p.test("/metadata/uid", json_text(made->uid())).replace("/data/more", json_text("4"));
  auto patched = wait_for<object>([&](auto r) { c.patch(config_maps, a, p.print(), r); });
  ASSERT_TRUE(patched) << patched.error().message;
  EXPECT_EQ(patched->text({"data", "more"}), "4");
  auto invalid = wait_for<object>([&](auto r) { c.create(config_maps, ns, "{}", r); });
  EXPECT_EQ(invalid.error().code, errc::invalid_argument) << invalid.error().message;
}

TEST_F(api, applies_and_takes_fields_over_only_by_force) {
  client c(config_of(admin()));
  object_key b{ns, "b"};
  auto apply = [&](const std::string& value, const apply_options& options) {
    return wait_for<object>(
        [&](auto r) { c.apply(config_maps, b, map_json("b", value), options, r); });
  };
  auto made = apply("1", {"one", false});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(apply("2", {"two", false}).error().code, errc::conflict);
  auto taken = apply("2", {"two", true});
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(taken->text({"data", "key"}), "2");
}

TEST_F(api, deletes_only_what_is_meant_and_waits_for_finalizers) {
  client c(config_of(admin()));
  auto made = create(c, "c");
  ASSERT_TRUE(made) << made.error().message;
  object_key key{ns, "c"};
  auto remove = [&](const delete_options& options) {
    return wait_for<bool>([&](auto r) { c.remove(config_maps, key, options, r); });
  };
  EXPECT_EQ(remove({"another-uid", ""}).error().code, errc::conflict);
  auto held = wait_for<object>(
      [&](auto r) { c.merge_patch(config_maps, key, *add_finalizer(*made, "gkm.io/test"), r); });
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ(remove({std::string(made->uid()), ""}), false);
  auto going = get(c, config_maps, "c");
  ASSERT_TRUE(going);
  EXPECT_TRUE(going->is_deleting());
  EXPECT_TRUE(wait_for<object>([&](auto r) {
    c.merge_patch(config_maps, key, *remove_finalizer(*going, "gkm.io/test"), r);
  }));
  EXPECT_EQ(get(c, config_maps, "c").error().code, errc::not_found);
  ASSERT_TRUE(create(c, "c"));
  EXPECT_EQ(remove({"", "", propagation::background}), true);
}

TEST_F(api, lists_more_than_one_chunk) {
  constexpr int count = 1'100;
  support::make_namespace(server(), "client-test-many");
  client c(config_of(admin()));
  std::promise<int> all;
  std::atomic<int> left{count};
  std::atomic<int> fine{0};
  for (int i = 0; i < count; ++i) {
    auto name = "m" + std::to_string(i);
    c.create(config_maps, "client-test-many",
             draft(config_maps, {"client-test-many", name}).print(), [&](const auto& made) {
               fine += made ? 1 : 0;
               if (--left == 0) all.set_value(fine);
             });
  }
  ASSERT_EQ(all.get_future().get(), count);
  auto listed = wait_for<object_list>([&](auto r) {
    c.list(config_maps, {"client-test-many", "", ""}, r);
  });
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(listed->items.size(), static_cast<size_t>(count));
}

TEST_F(api, lets_tokens_in_and_tells_the_right_to_do_a_thing_from_being_known) {
  client nobody(with_token("nonsense"));
  auto refused = get(nobody, config_maps, "a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unauthorized);
  EXPECT_THAT(refused.error().message, HasSubstr("401"));
  client agent(with_token(support::account_token(server(), "gkm-system", "gkm-operator")));
  auto may_not = wait_for<bool>([&](auto r) { agent.remove(nodes, {"", "x"}, {}, r); });
  ASSERT_FALSE(may_not);
  EXPECT_EQ(may_not.error().code, errc::unauthorized);
  EXPECT_THAT(may_not.error().message, HasSubstr("cannot delete resource"));
}

TEST_F(api, a_replaced_token_file_is_read_when_the_old_one_is_refused) {
  support::temp_dir dir;
  auto c = config_of(admin());
  c.identity = {};
  c.identity.token_file = dir / "token";
  std::ofstream(dir / "token") << "outdated";
  client asks(c);
  auto ask = [&] { return wait_for<object_list>([&](auto r) { asks.list(gkm_caches, {}, r); }); };
  EXPECT_EQ(ask().error().code, errc::unauthorized);
  std::ofstream(dir / "token") << support::account_token(server(), "gkm-system", "gkm-operator");
  auto got = ask();
  EXPECT_TRUE(got) << got.error().message;
}

TEST_F(api, takes_a_caches_status_from_the_operator) {
  admin().apply("{apiVersion: gkm.io/v1alpha1, kind: GKMCache, metadata: {name: s, namespace: " +
                std::string(ns) + "}, spec: {image: 'quay.io/a/b:c', nodeSelector: {a: b}}}");
  client c(with_token(support::account_token(server(), "gkm-system", "gkm-operator")));
  auto seen = get(c, gkm_caches, "s");
  ASSERT_TRUE(seen) << seen.error().message;
  auto cache = parse_cache(*seen);
  ASSERT_TRUE(cache) << cache.error().message;
  EXPECT_EQ(cache->node_selector.at("a"), "b");
  auto wanted = cache->status;
  wanted.resolved = {std::string(64, 'a')};
  wanted.resolved_image = "quay.io/a/b@" + wanted.resolved.str();
  wanted.conditions = {{"Ready", condition_status::no, "Pending", "2 nodes", 1, 1'762'162'200}};
  wanted.counts = {3, 1, 1, 1, 2, 0};
  wanted.observed_generation = 1;
  wanted.updated_unix_s = 1'762'162'200;
  auto body = status_patch(cache->status, wanted);
  ASSERT_TRUE(body);
  auto patched = wait_for<object>([&](auto r) {
    c.merge_patch(gkm_caches, {ns, "s"}, *body, r, "status");
  });
  ASSERT_TRUE(patched) << patched.error().message;
  auto after = parse_cache(*patched);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->status, wanted);
  EXPECT_EQ(status_patch(after->status, wanted), std::nullopt);
}

TEST_F(api, takes_a_nodes_report_from_its_agent) {
  support::make_node(server(), "client-node");
  client c(with_token(support::pod_token(server(), {"client-node", "gkm-agent"})));
  auto node = object::parse(admin().run({"get", "node", "client-node", "-o", "json"}));
  ASSERT_TRUE(node) << node.error().message;
  node_report report;
  report.ns = ns;
  report.name = report.node_name = "client-node";
  report.counts.nodes = 1;
  report.gpus = {{"NVIDIA H100", "570", {0, 1}}};
  auto& entry = report.caches["s"][{std::string(64, 'a')}];
  entry.compatible_gpus = {0};
  entry.incompatible_gpus = {{1, false, "built for gfx90a"}};
  entry.conditions = {{"Extracted", condition_status::yes, "Extracted", "", 1, 1'762'162'200}};
  entry.updated_unix_s = 1'762'162'200;
  entry.volume_bytes = 4'096;
  entry.pods = {{ns, "p", "csi-1"}};
  auto made = wait_for<object>([&](auto r) {
    c.create(gkm_cache_nodes, ns,
             new_node_report(report, {"v1", "Node", "client-node", std::string(node->uid())}), r);
  });
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->owners().size(), 1u);
  auto write = [&](const node_report& wanted) {
    auto seen = parse_node_report(*get(c, gkm_cache_nodes, "client-node"));
    auto body = status_patch(*seen, wanted);
    auto o = wait_for<object>([&](auto r) {
      c.merge_patch(gkm_cache_nodes, {ns, "client-node"}, body.value_or("{}"), r, "status");
    });
    EXPECT_TRUE(o) << o.error().message;
    auto after = o ? parse_node_report(*o) : fail(o.error());
    EXPECT_TRUE(after);
    after->object = wanted.object;
    return *after;
  };
  EXPECT_EQ(write(report), report);
  report.caches.clear();
  EXPECT_EQ(write(report), report);
}

TEST_F(api, records_events_as_people_see_them) {
  client c(config_of(admin()));
  recorder_options options;
  options.instance = "client-test";
  options.pause = std::chrono::milliseconds{0};
  event_recorder recorder(c, options);
  auto made = create(c, "eventful");
  ASSERT_TRUE(made) << made.error().message;
  event e{event_subject::of(config_maps, *made), true, "Failed", "Extract", "no such image"};
  auto shown = [&] {
    return admin().run({"get", "events.events.k8s.io", "-n", ns, "-o",
                        "jsonpath={range .items[?(@.regarding.name==\"eventful\")]}{.reason} "
                        "{.note} {.series.count};{end}"});
  };
  recorder.record(e);
  while (shown() != "Failed no such image ;") ASSERT_FALSE(HasFailure());
  recorder.record(e);
  while (shown() != "Failed no such image 2;") ASSERT_FALSE(HasFailure());
}

TEST_F(api, lets_one_lead_at_a_time) {
  // As the operator, whose role names its own lease alone.
  client c(with_token(support::account_token(server(), "gkm-system", "gkm-operator")));
  auto run = [&](const std::string& identity, std::promise<void>& gained) {
    lease_options o;
    o.lease = {"gkm-system", "gkm-operator"};
    o.identity = identity;
    auto made = leader_election::start(c, o, {[&] { gained.set_value(); }, nullptr});
    return std::move(*made);
  };
  std::promise<void> a_gained;
  std::promise<void> b_gained;
  auto a = run("a", a_gained);
  a_gained.get_future().wait();
  auto b = run("b", b_gained);
  EXPECT_FALSE(b->leads());
  auto resigned = wait_for<done>([&](auto r) { a->stop(r); });
  EXPECT_TRUE(resigned) << resigned.error().message;
  b_gained.get_future().wait();
  EXPECT_TRUE(b->leads());
  EXPECT_FALSE(a->leads());
  EXPECT_TRUE(wait_for<done>([&](auto r) { b->stop(r); }));
}

}  // namespace gkm::k8s
