#include "k8s/client.hpp"

#include "k8s/objects/patch.hpp"
#include "on_fake_api.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

namespace gkm::k8s {
namespace {

using support::fake_api;
using support::fault_server;
using support::gate;
using support::reply;
using support::seen_request;

constexpr auto status_404 = R"({"kind":"Status","message":"gone fishing","code":404})";

result<object> get(client& c, const std::string& name) {
  return wait_for<object>([&](auto r) { c.get(gkm_caches, {"ns", name}, r); });
}

result<object> create(client& c, const std::string& name) {
  return wait_for<object>([&](auto r) { c.create(gkm_caches, "ns", cache_json(name, "i"), r); });
}

result<object> answered_with(int status, std::vector<std::pair<std::string, std::string>> headers,
                             client_options options = {}) {
  fault_server server([&](const seen_request&) { return reply{status, status_404, headers}; });
  client c(at(server.url("")), options);
  return get(c, "x");
}

}  // namespace

TEST(client, creates_gets_updates_and_deletes) {
  fake_api api;
  client c(at(api.url()));
  EXPECT_EQ(get(c, "x").error().code, errc::not_found);
  auto made = create(c, "x");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(create(c, "x").error().code, errc::conflict);
  auto seen = get(c, "x");
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->uid(), made->uid());
  draft d(*seen);
  d.set({"spec", "image"}, "other");
  auto updated = wait_for<object>([&](auto r) { c.update(gkm_caches, {"ns", "x"}, d.print(), r); });
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ(updated->text({"spec", "image"}), "other");
  EXPECT_EQ(updated->generation(), 2);
  auto stale = wait_for<object>([&](auto r) { c.update(gkm_caches, {"ns", "x"}, d.print(), r); });
  EXPECT_EQ(stale.error().code, errc::conflict);
  auto gone = wait_for<bool>([&](auto r) { c.remove(gkm_caches, {"ns", "x"}, {}, r); });
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_TRUE(*gone);
}

TEST(client, writes_a_status_through_its_sub_resource) {
  fake_api api;
  client c(at(api.url()));
  ASSERT_TRUE(create(c, "x"));
  auto patched = wait_for<object>([&](auto r) {
    c.merge_patch(gkm_caches, {"ns", "x"}, R"({"status":{"a":1},"spec":{"image":"no"}})", r,
                  "status");
  });
  ASSERT_TRUE(patched) << patched.error().message;
  EXPECT_EQ(patched->integer({"status", "a"}), 1);
  EXPECT_EQ(patched->text({"spec", "image"}), "i");
  EXPECT_EQ(patched->generation(), 1);
}

TEST(client, deletes_only_what_it_means) {
  fake_api api;
  client c(at(api.url()));
  auto made = create(c, "x");
  ASSERT_TRUE(made);
  delete_options wrong{"uid-of-another", "", propagation::background};
  auto kept = wait_for<bool>([&](auto r) { c.remove(gkm_caches, {"ns", "x"}, wrong, r); });
  EXPECT_EQ(kept.error().code, errc::conflict);
  EXPECT_EQ(api.server().requests().back().body,
            R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"uid-of-another"},)"
            R"("propagationPolicy":"Background"})");
  auto patch = add_finalizer(*made, "gkm.io/f");
  auto held = wait_for<object>([&](auto r) { c.merge_patch(gkm_caches, {"ns", "x"}, *patch, r); });
  ASSERT_TRUE(held);
  auto going = wait_for<bool>([&](auto r) { c.remove(gkm_caches, {"ns", "x"}, {}, r); });
  ASSERT_TRUE(going);
  EXPECT_FALSE(*going);
  auto seen = get(c, "x");
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->is_deleting());
  ASSERT_TRUE(wait_for<object>([&](auto r) {
    c.merge_patch(gkm_caches, {"ns", "x"}, *remove_finalizer(*seen, "gkm.io/f"), r);
  }));
  EXPECT_EQ(get(c, "x").error().code, errc::not_found);
}

TEST(client, says_how_patches_are_meant) {
  fault_server server([](const seen_request&) {
    return reply{200, R"({"metadata":{"name":"x"}})"};
  });
  client c(at(server.url("")));
  object_key x{"ns", "x"};
  ASSERT_TRUE(wait_for<object>([&](auto r) {
    c.apply(gkm_caches, x, "{}", {"gkm operator", true}, r, "status");
  }));
  ASSERT_TRUE(wait_for<object>([&](auto r) { c.patch(gkm_caches, x, "[]", r); }));
  auto seen = server.requests();
  EXPECT_EQ(seen[0].method, "PATCH");
  EXPECT_EQ(seen[0].target, cache_path("x") + "/status?fieldManager=gkm%20operator&force=true");
  EXPECT_EQ(seen[0].header("content-type"), "application/apply-patch+yaml");
  EXPECT_EQ(seen[1].header("content-type"), "application/json-patch+json");
}

TEST(client, lists_secrets_without_their_data) {
  fault_server server([](const seen_request&) {
    return reply{200, R"({"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"x",)"
                      R"("annotations":{"a":"b"}},"type":"Opaque","data":{"password":"cA=="}}]})"};
  });
  client c(at(server.url("")));
  auto all = wait_for<object_list>([&](auto r) { c.list(secrets, {"ns", {}, {}}, r); });
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->items.size(), 1u);
  EXPECT_EQ(all->items[0].annotation("a"), "b");
  EXPECT_FALSE(all->items[0].find({"data"}));
}

TEST(client, lists_in_chunks) {
  fake_api api;
  for (auto name : {"a", "b", "c", "d", "e"}) api.put(cache_path(name), cache_json(name, "i"));
  client c(at(api.url()));
  auto all = wait_for<object_list>([&](auto r) { c.list(gkm_caches, {}, r); });
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->items.size(), 5u);
  EXPECT_EQ(all->items[4].name(), "e");
  EXPECT_FALSE(all->resource_version.empty());
  EXPECT_EQ(api.targets("continue=").size(), 2u);
  auto one = wait_for<object_list>([&](auto r) {
    c.list(gkm_caches, {"ns", "", "metadata.name=b"}, r);
  });
  ASSERT_TRUE(one);
  ASSERT_EQ(one->items.size(), 1u);
  EXPECT_EQ(one->items[0].name(), "b");
}

TEST(client, asks_for_less_at_a_time_where_objects_are_large) {
  fake_api api;
  for (auto name : {"a", "b", "c"}) api.put(cache_path(name), cache_json(name, "i"));
  api.intercept([&](const seen_request& r) -> std::optional<reply> {
    if (r.target.find("limit=500") == std::string::npos) return std::nullopt;
    reply large{200, std::string(1 << 20, ' ')};
    large.repeat_body = 65;
    return large;
  });
  client c(at(api.url()));
  auto all = wait_for<object_list>([&](auto r) { c.list(gkm_caches, {}, r); });
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->items.size(), 3u);
}

TEST(client, begins_a_list_anew_when_its_moment_is_forgotten) {
  std::atomic<int> continued{0};
  fake_api api;  // after what its threads use
  for (auto name : {"a", "b", "c"}) api.put(cache_path(name), cache_json(name, "i"));
  api.intercept([&](const seen_request& r) -> std::optional<reply> {
    if (r.target.find("continue=") != std::string::npos && continued++ == 0) api.forget_history();
    return std::nullopt;
  });
  client c(at(api.url()));
  auto all = wait_for<object_list>([&](auto r) { c.list(gkm_caches, {}, r); });
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->items.size(), 3u);
  EXPECT_EQ(api.targets("limit=").size(), 4u);
}

TEST(client, tells_kinds_of_failures_apart) {
  struct {
    int status;
    errc code;
  } cases[] = {{400, errc::invalid_argument}, {401, errc::unauthorized}, {403, errc::unauthorized},
               {404, errc::not_found},        {409, errc::conflict},     {410, errc::expired},
               {422, errc::invalid_argument}, {500, errc::unavailable},  {503, errc::unavailable}};
  for (const auto& c : cases) {
    auto got = answered_with(c.status, {});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, c.code) << c.status;
    EXPECT_EQ(got.error().message, "Failed to get GKMCache 'ns/x': the API server answered " +
                                       std::to_string(c.status) + ": gone fishing");
  }
}

TEST(client, leaves_long_pauses_to_the_caller) {
  auto got = answered_with(429, {{"Retry-After", "60"}});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_EQ(got.error().retry_after, std::chrono::seconds{60});
}

TEST(client, tries_again_where_that_is_safe) {
  std::atomic<int> left{0};
  std::atomic<int> status{429};
  fake_api api;  // after what its threads use
  client c(at(api.url()));
  api.intercept([&](const seen_request&) -> std::optional<reply> {
    if (left-- <= 0) return std::nullopt;
    return reply{status, "{}", {{"Retry-After", "0"}}};
  });
  left = 2;
  EXPECT_TRUE(create(c, "busy"));
  left = 1;
  status = 503;
  EXPECT_EQ(create(c, "unsure").error().code, errc::unavailable);
  left = 1;
  EXPECT_TRUE(get(c, "busy"));
  left = 100;
  EXPECT_EQ(get(c, "busy").error().code, errc::unavailable);
  EXPECT_EQ(left, 96);
}

TEST(client, never_repeats_a_conflict) {
  std::atomic<int> asked{0};
  fault_server server([&](const seen_request&) {
    ++asked;
    return reply{409, "{}", {{"Retry-After", "0"}}};
  });
  client c(at(server.url("")));
  EXPECT_EQ(get(c, "x").error().code, errc::conflict);
  EXPECT_EQ(asked, 1);
}

TEST(client, closing_answers_what_is_open) {
  auto never = std::make_shared<gate>();
  fault_server server([&](const seen_request&) {
    reply r;
    r.wrong.hold_head = never;
    return r;
  });
  std::promise<errc> first;
  {
    client c(at(server.url("")));
    c.get(gkm_caches, {"ns", "x"}, [&](const auto& r) { first.set_value(r.error().code); });
    server.wait_for_requests(1);
  }
  EXPECT_EQ(first.get_future().get(), errc::cancelled);
}

TEST(client, refuses_an_answer_that_is_no_object) {
  fault_server server([](const seen_request&) { return reply{200, "<html>"}; });
  client c(at(server.url("")));
  auto got = get(c, "x");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::malformed);
}

TEST(client, many_requests_are_all_answered) {
  fake_api api;
  api.put(cache_path("x"), cache_json("x", "i"));
  client c(at(api.url()));
  std::atomic<int> fine{0};
  std::promise<void> all;
  constexpr int count = 500;
  std::atomic<int> left{count};
  for (int i = 0; i < count; ++i)
    c.get(gkm_caches, {"ns", "x"}, [&](const result<object>& o) {
      if (o) ++fine;
      if (--left == 0) all.set_value();
    });
  all.get_future().wait();
  EXPECT_EQ(fine, count);
}

}  // namespace gkm::k8s
