#include "actors/operator/resolver/registry_resolver.hpp"

#include "base/base64.hpp"
#include "k8s/objects/object.hpp"
#include "oci/registry/registry_settings.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>

namespace gkm::op {
namespace {

using support::cache_image;
using support::fault_server;
using support::image_registry;
using support::reply;
using support::seen_request;
using ::testing::HasSubstr;

std::string login(const std::string& host, const std::string& password) {
  return R"({"auths":{")" + host + R"(":{"username":"u","password":")" + password + R"("}}})";
}

class registry_resolver_test : public testing::Test {
protected:
  result<digest> resolve(const std::string& image, std::vector<std::string> secrets = {},
                         const std::string& ns = "ns") {
    if (!resolver_) resolver_ = std::make_unique<registry_resolver>(reader(), options_);
    cache_object cache;
    cache.ref = {ns, "c"};
    cache.image = image;
    cache.pull_secrets = std::move(secrets);
    std::promise<result<digest>> promise;
    resolver_->resolve(cache, {}, [&](result<digest> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }

  /// As admission asks.
  result<digest> review(bool proven, const std::string& image, std::vector<std::string> secrets,
                        const std::string& ns = "ns",
                        std::chrono::milliseconds turn = std::chrono::seconds(60)) {
    if (!resolver_) resolver_ = std::make_unique<registry_resolver>(reader(), options_);
    cache_object cache;
    cache.ref = {ns, "c"};
    cache.image = image;
    cache.pull_secrets = std::move(secrets);
    std::promise<result<digest>> promise;
    resolver_->resolve_for({proven, std::chrono::seconds(60), turn}, cache,
                           [&](result<digest> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }

  void allow(const fault_server& server) { options_.allowed_hosts.push_back(server.authority()); }

  void keep_secret(const std::string& key, const std::string& config,
                   const std::string& type = "kubernetes.io/dockerconfigjson",
                   const std::string& labels = "{}") {
    auto slash = key.find('/');
    auto data_key = type == "kubernetes.io/dockercfg" ? ".dockercfg" : ".dockerconfigjson";
    secrets_[key] = R"({"metadata":{"namespace":")" + key.substr(0, slash) + R"(","name":")" +
                    key.substr(slash + 1) + R"(","labels":)" + labels + R"(},"type":")" + type +
                    R"(","data":{")" + data_key + R"(":")" + base::to_base64(config) + R"("}})";
  }

  resolver_options options_;
  std::unique_ptr<registry_resolver> resolver_;
  std::map<std::string, std::string> secrets_;
  std::atomic<size_t> secrets_read_ = 0;

  secret_reader reader() {
    return [this](const k8s::object_key& key, answer<k8s::object> reply) {
      ++secrets_read_;
      auto at = secrets_.find(key.str());
      if (at == secrets_.end()) return reply(fail(errc::not_found, "no such secret"));
      reply(k8s::object::parse(at->second));
    };
  }
};

cache_image small_image() {
  return cache_image().layer(support::kernel_layer().bytes()).claims("hip", "gfx90a");
}

/// Lets in who has the password.
image_registry::interference only_with(const std::string& password) {
  auto wanted = "Basic " + base::to_base64("u:" + password);
  return [wanted](const seen_request& r, const reply&) -> std::optional<reply> {
    if (r.header("authorization") == wanted) return std::nullopt;
    reply no;
    no.status = 401;
    no.headers = {{"WWW-Authenticate", "Basic realm=\"x\""}};
    return no;
  };
}

TEST_F(registry_resolver_test, finds_the_digest_of_a_tag_with_one_request) {
  image_registry registry(small_image());
  allow(registry.server());
  auto got = resolve(registry.name());
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->str(), small_image().digest());
  EXPECT_EQ(registry.server().requests().size(), 1U);
}

TEST_F(registry_resolver_test, asks_for_what_names_its_digest_too) {
  image_registry registry(small_image());
  allow(registry.server());
  registry.interfere(only_with("right"));
  auto image = registry.name() + "@" + small_image().digest();
  auto got = resolve(image);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unauthorized);
  EXPECT_THAT(got.error().message, HasSubstr("spec.imagePullSecrets"));
  keep_secret("ns/s", login(registry.server().authority(), "right"));
  EXPECT_TRUE(resolve(image, {"s"}));
  EXPECT_FALSE(resolve(image)) << "an answer is for those credentials only";
}

TEST_F(registry_resolver_test, tries_each_secret_that_names_the_registry) {
  image_registry registry(small_image());
  auto host = registry.server().authority();
  allow(registry.server());
  registry.interfere(only_with("right"));
  keep_secret("ns/other", login("quay.io", "x"));
  keep_secret("ns/wrong", login(host, "wrong"));
  keep_secret("ns/right", R"({")" + host + R"(":{"username":"u","password":"right","auth":""}})",
              "kubernetes.io/dockercfg");
  auto refused = resolve(registry.name(), {"other", "wrong"});
  EXPECT_EQ(refused.error().code, errc::unauthorized);
  EXPECT_THAT(refused.error().message, HasSubstr("'ns/wrong'"));
  EXPECT_TRUE(resolve(registry.name(), {"other", "wrong", "right"}));
}

TEST_F(registry_resolver_test, looks_for_the_secrets_of_cluster_caches_in_its_own_namespace) {
  image_registry registry(small_image());
  allow(registry.server());
  registry.interfere(only_with("right"));
  keep_secret("gkm-system/s", login(registry.server().authority(), "right"));
  EXPECT_TRUE(resolve(registry.name(), {"s"}, ""));
  EXPECT_EQ(resolve(registry.name(), {"s"}, "ns").error().code, errc::not_found);
}

TEST_F(registry_resolver_test, says_what_is_wrong_with_a_secret_but_not_what_is_in_it) {
  keep_secret("ns/opaque", "{}", "Opaque");
  keep_secret("ns/copy", login("q.io", "p"), "kubernetes.io/dockerconfigjson",
              R"({"gkm.io/pull-secret":"true"})");
  keep_secret("ns/broken", R"({"auths":{"q.io":{"auth":"%hush%"}}})");
  for (const char* name : {"opaque", "copy", "broken"}) {
    auto got = resolve("q.io/a:b", {name});
    EXPECT_EQ(got.error().code, errc::unauthorized) << name << " may be made anew";
    EXPECT_THAT(got.error().message, ::testing::Not(HasSubstr("hush")));
  }
  for (const char* name : {"../x", ""})
    EXPECT_EQ(resolve("q.io/a:b", {name}).error().code, errc::invalid_argument) << name;
  EXPECT_EQ(resolve("q.io/a:b", {"absent"}).error().code, errc::not_found);
  EXPECT_EQ(resolve("q.io/a:b", std::vector<std::string>(17, "s")).error().code,
            errc::limit_exceeded);
}

TEST_F(registry_resolver_test, runs_no_helper_that_a_secret_names) {
  image_registry registry(small_image());
  allow(registry.server());
  keep_secret("ns/s", R"({"credsStore":"gkm-test","credHelpers":{")" +
                          registry.server().authority() + R"(":"gkm-test"}})");
  EXPECT_TRUE(resolve(registry.name(), {"s"})) << "a helper that is not there would be an error";
}

TEST_F(registry_resolver_test, goes_to_no_local_address_unless_it_is_allowed) {
  image_registry registry(small_image());
  for (const auto& image :
       {registry.name(), std::string("localhost:1/a:b"), std::string("[::1]:1/a:b"),
        std::string("169.254.169.254/a:b"), std::string("0.0.0.0:1/a:b"),
        std::string("[::ffff:127.0.0.1]:1/a:b")}) {
    auto got = resolve(image);
    ASSERT_FALSE(got) << image;
    EXPECT_EQ(got.error().code, errc::refused) << image << ": " << got.error().message;
  }
  EXPECT_TRUE(registry.server().requests().empty());
}

TEST_F(registry_resolver_test, goes_where_a_setting_lists_it_from_then_on) {
  image_registry registry(small_image());
  auto refused = resolve(registry.name());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("gkm.registry.plain-http"));
  resolver_->set_registries({{registry.server().authority()}, {}});
  auto got = resolve(registry.name());
  EXPECT_TRUE(got) << got.error().message;
  resolver_->set_registries({});
  EXPECT_FALSE(resolve(registry.name()));
}

TEST_F(registry_resolver_test, follows_neither_redirect_nor_realm_to_a_local_address) {
  fault_server inner([](const seen_request&) { return reply{200, "secret"}; });
  image_registry registry(small_image());
  allow(registry.server());
  registry.interfere([&](const seen_request&, const reply&) -> std::optional<reply> {
    return reply::redirect(302, inner.url("/latest/meta-data"));
  });
  EXPECT_EQ(resolve(registry.name()).error().code, errc::refused);
  registry.interfere([&](const seen_request&, const reply&) -> std::optional<reply> {
    reply no;
    no.status = 401;
    no.headers = {{"WWW-Authenticate", "Bearer realm=\"" + inner.url("/token") + "\""}};
    return no;
  });
  EXPECT_EQ(resolve(registry.name()).error().code, errc::refused);
  EXPECT_TRUE(inner.requests().empty());
}

TEST_F(registry_resolver_test, reads_no_secret_for_who_did_not_prove_to_be_an_api_server) {
  image_registry registry(small_image());
  allow(registry.server());
  registry.interfere(only_with("right"));
  keep_secret("ns/s", login(registry.server().authority(), "right"));
  auto without = review(false, registry.name(), {});
  EXPECT_EQ(without.error().code, errc::unauthorized);
  for (const char* secret : {"s", "absent"})
    EXPECT_EQ(review(false, registry.name(), {secret}).error(), without.error());
  EXPECT_EQ(secrets_read_, 0U);
  EXPECT_TRUE(review(true, registry.name(), {"s"}));
  EXPECT_EQ(secrets_read_, 1U);
  EXPECT_FALSE(review(false, registry.name(), {"s"})) << "what was learned is for who may know it";
}

TEST_F(registry_resolver_test, tells_nothing_of_its_network) {
  fault_server plain([](const seen_request&) { return reply{200, "x"}; });
  allow(plain);
  support::silent_listener silent;
  auto closed = "127.0.0.1:" + std::to_string(support::unused_port());
  options_.allowed_hosts.push_back(closed);
  options_.denied_addresses = {*net::parse_address_range("192.0.2.0/24")};
  auto text_of = [&](const std::string& host) {
    auto text = resolve(host + "/a:b").error().message;
    for (auto at = text.find(host); at != std::string::npos; at = text.find(host))
      text.replace(at, host.size(), "HOST");
    return text.substr(text.find("HOST"));  // what is listed may speak plain HTTP, too
  };
  auto one = text_of(closed);
  EXPECT_THAT(one, HasSubstr("cannot be reached: check its name and port"));
  EXPECT_EQ(text_of("192.0.2.1"), one);
}

TEST_F(registry_resolver_test, answers_in_time_where_the_registry_does_not) {
  support::silent_listener silent;
  options_.limit = std::chrono::milliseconds(200);
  auto host = "127.0.0.1:" + std::to_string(silent.port());
  options_.allowed_hosts = {host};
  auto got = resolve(host + "/a:b");
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_THAT(got.error().message, HasSubstr("did not answer"));
}

/// A registry that never answers.
class hanging_registry {
public:
  hanging_registry()
      : server_([never = never_](const seen_request&) {
          reply held;
          held.wrong.hold_head = never;
          return held;
        }) {}
  ~hanging_registry() { never_->open(); }
  fault_server& server() { return server_; }
  std::string name(int i) const { return server_.authority() + "/a:" + std::to_string(i); }

private:
  std::shared_ptr<support::gate> never_ = std::make_shared<support::gate>();
  fault_server server_;
};

TEST_F(registry_resolver_test, two_namespaces_with_hanging_registries_hold_up_no_third) {
  hanging_registry hanging;
  image_registry registry(small_image());
  allow(hanging.server());
  allow(registry.server());
  options_.limit = std::chrono::hours(1);
  resolver_ = std::make_unique<registry_resolver>(reader(), options_);
  std::atomic<size_t> ended = 0;
  for (const char* ns : {"greedy", "greedier"})
    for (int i = 0; i < 100; ++i) {
      cache_object cache;
      cache.ref = {ns, "c"};
      cache.image = hanging.name(i);
      resolver_->resolve(cache, {}, [&](const result<digest>&) { ++ended; });
    }
  hanging.server().wait_for_requests(2 * options_.turns.places_of_one);
  EXPECT_TRUE(resolve(registry.name(), {}, "other"));
  EXPECT_TRUE(resolve(registry.name(), {}, "")) << "cluster-scoped";
  EXPECT_EQ(ended, 0U);
  EXPECT_EQ(hanging.server().requests().size(), 2 * options_.turns.places_of_one);
  EXPECT_LT(resolver_turns_max.places_of_one, resolver_turns_max.places / 2);
  EXPECT_LT(unproven_turns_max.places_of_one, unproven_turns_max.places / 2);
  resolver_.reset();
  EXPECT_EQ(ended, 200U);
}

TEST_F(registry_resolver_test, callers_that_prove_nothing_hold_up_neither_leader_nor_api_servers) {
  hanging_registry hanging;
  image_registry registry(small_image());
  allow(hanging.server());
  allow(registry.server());
  options_.limit = std::chrono::hours(1);
  resolver_ = std::make_unique<registry_resolver>(reader(), options_);
  std::atomic<size_t> busy = 0;
  constexpr int many = 100;
  for (int i = 0; i < many; ++i) {
    cache_object cache;
    cache.ref = {"claimed-" + std::to_string(i), "c"};
    cache.image = hanging.name(i);
    resolver_->resolve_for(
        {false, std::chrono::hours(1), std::chrono::hours(1)}, cache,
        [&](const result<digest>& r) { busy += !r && r.error().code == errc::busy; });
  }
  hanging.server().wait_for_requests(options_.unproven_turns.places);
  EXPECT_EQ(busy, many - options_.unproven_turns.places - options_.unproven_turns.waiting);
  EXPECT_EQ(review(false, registry.name(), {}, "team").error().code, errc::busy);
  EXPECT_TRUE(resolve(registry.name(), {}, "team"));
  EXPECT_TRUE(review(true, registry.name(), {}, "team"));
  resolver_.reset();
}

TEST_F(registry_resolver_test, a_review_whose_turn_does_not_come_is_told_so_and_leaves_its_place) {
  hanging_registry hanging;
  allow(hanging.server());
  options_.unproven_turns = {.places = 1, .places_of_one = 1, .waiting = 1, .waiting_of_one = 1};
  options_.limit = std::chrono::hours(1);
  resolver_ = std::make_unique<registry_resolver>(reader(), options_);
  cache_object first;
  first.ref = {"a", "c"};
  first.image = hanging.name(0);
  resolver_->resolve_for({false, std::chrono::hours(1), std::chrono::hours(1)}, first,
                         [](const result<digest>&) {});
  hanging.server().wait_for_requests(1);
  for (int i = 1; i < 4; ++i)
    EXPECT_EQ(review(false, hanging.name(i), {}, "b", std::chrono::milliseconds(1)).error().code,
              errc::busy);
  EXPECT_EQ(hanging.server().requests().size(), 1U);
  resolver_.reset();
}

TEST_F(registry_resolver_test, what_is_given_up_leaves_the_line_or_its_thread) {
  hanging_registry hanging;
  image_registry registry(small_image());
  allow(hanging.server());
  allow(registry.server());
  options_.turns = {.places = 1, .places_of_one = 1};
  options_.limit = std::chrono::hours(1);
  resolver_ = std::make_unique<registry_resolver>(reader(), options_);
  std::stop_source stop;
  std::atomic<size_t> cancelled = 0;
  for (int i = 0; i < 3; ++i) {
    cache_object cache;
    cache.ref = {"ns", "c"};
    cache.image = hanging.name(i);
    resolver_->resolve(cache, stop.get_token(), [&](const result<digest>& r) {
      cancelled += !r && r.error().code == errc::cancelled;
    });
  }
  hanging.server().wait_for_requests(1);
  stop.request_stop();
  EXPECT_EQ(cancelled, 3U);
  EXPECT_TRUE(resolve(registry.name()));
  EXPECT_EQ(hanging.server().requests().size(), 1U);
}

TEST_F(registry_resolver_test, an_answer_that_comes_too_late_frees_its_thread) {
  hanging_registry hanging;
  image_registry registry(small_image());
  allow(hanging.server());
  allow(registry.server());
  options_.turns = {.places = 1, .places_of_one = 1};
  options_.limit = std::chrono::milliseconds(100);
  EXPECT_EQ(resolve(hanging.name(1)).error().code, errc::unavailable);
  options_.limit = std::chrono::hours(1);
  EXPECT_TRUE(resolve(registry.name()));
}

TEST_F(registry_resolver_test, says_when_a_registry_is_down) {
  auto host = "127.0.0.1:" + std::to_string(support::unused_port());
  options_.allowed_hosts = {host};
  EXPECT_EQ(resolve(host + "/a:b").error().code, errc::unavailable);
}

TEST_F(registry_resolver_test, remembers_what_a_digest_names_and_no_failure) {
  image_registry registry(small_image());
  allow(registry.server());
  EXPECT_EQ(resolve(registry.name("later")).error().code, errc::not_found);
  registry.add("later", small_image());
  EXPECT_TRUE(resolve(registry.name("later")));
  auto before = registry.server().requests().size();
  EXPECT_TRUE(resolve(registry.name("later") + "@" + small_image().digest()));
  EXPECT_EQ(registry.server().requests().size(), before);
}

TEST_F(registry_resolver_test, a_tag_that_moved_a_moment_ago_is_what_it_is_now) {
  image_registry registry(small_image());
  allow(registry.server());
  ASSERT_TRUE(resolve(registry.name()));
  auto other = small_image().layer(support::kernel_layer().bytes());
  ASSERT_NE(other.digest(), small_image().digest());
  registry.add("v1", other);
  auto got = resolve(registry.name());
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->str(), other.digest());
  auto reviewed = review(true, registry.name(), {});
  ASSERT_TRUE(reviewed);
  EXPECT_EQ(reviewed->str(), other.digest());
}

/// Holds the first answer until the gate opens.
image_registry::interference slow_once(const std::shared_ptr<support::gate>& until) {
  auto first = std::make_shared<std::atomic<bool>>(true);
  return [=](const seen_request&, const reply& honest) -> std::optional<reply> {
    if (!first->exchange(false)) return std::nullopt;
    auto held = honest;
    held.wrong.hold_head = until;
    return held;
  };
}

TEST_F(registry_resolver_test, asks_once_for_all_who_ask_the_same_at_a_time) {
  auto image = small_image();
  image_registry registry(image);
  auto until = std::make_shared<support::gate>();
  registry.interfere(slow_once(until));
  allow(registry.server());
  keep_secret("ns/s", login("elsewhere.example", "x"));
  resolver_ = std::make_unique<registry_resolver>(reader(), options_);
  std::atomic<size_t> found = 0;
  cache_object cache;
  cache.ref = {"ns", "c"};
  cache.image = registry.name();
  cache.pull_secrets = {"s"};
  for (int i = 0; i < 20; ++i)
    resolver_->resolve(cache, {},
                       [&](const result<digest>& r) { found += r && r->str() == image.digest(); });
  auto all = [&](const std::atomic<size_t>& n, size_t count) {
    auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (n < count && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    EXPECT_EQ(n, count);
  };
  all(secrets_read_, 20);
  until->open();
  all(found, 20);
  EXPECT_LE(registry.server().requests().size(), 2U) << "one may have been a moment late";
}

TEST_F(registry_resolver_test, who_is_not_interested_any_more_does_not_answer_for_others) {
  image_registry registry(small_image());
  auto until = std::make_shared<support::gate>();
  registry.interfere(slow_once(until));
  allow(registry.server());
  resolver_ = std::make_unique<registry_resolver>(reader(), options_);
  cache_object cache;
  cache.ref = {"ns", "c"};
  cache.image = registry.name();
  std::stop_source stop;
  std::promise<result<digest>> given_up, stays;
  resolver_->resolve(cache, stop.get_token(), [&](result<digest> r) { given_up.set_value(r); });
  registry.server().wait_for_requests(1);
  resolver_->resolve(cache, {}, [&](result<digest> r) { stays.set_value(std::move(r)); });
  stop.request_stop();
  EXPECT_EQ(given_up.get_future().get().error().code, errc::cancelled);
  auto got = stays.get_future().get();
  EXPECT_TRUE(got) << got.error().message;
  until->open();
}

TEST_F(registry_resolver_test, pins_nothing_that_is_no_image) {
  image_registry registry(small_image());
  allow(registry.server());
  registry.interfere([](const seen_request&, const reply&) -> std::optional<reply> {
    return reply{200, R"({"schemaVersion":2,"hello":"world"})"};
  });
  EXPECT_EQ(resolve(registry.name()).error().code, errc::malformed);
}

TEST_F(registry_resolver_test, reads_no_manifest_of_more_values_than_there_is_memory_for) {
  image_registry registry(small_image());
  allow(registry.server());
  registry.interfere([](const seen_request&, const reply&) -> std::optional<reply> {
    std::string many = R"({"schemaVersion":2,"annotations":[0)";
    for (int i = 0; i < 60'000; ++i) many += ",0";
    return reply{200, many + "]}"};
  });
  auto got = resolve(registry.name());
  EXPECT_EQ(got.error().code, errc::malformed);
  EXPECT_THAT(got.error().message, HasSubstr("more than 50000 values"));
}

TEST_F(registry_resolver_test, ends_with_questions_open) {
  support::silent_listener silent;
  auto host = "127.0.0.1:" + std::to_string(silent.port());
  options_.allowed_hosts = {host};
  auto resolver = std::make_unique<registry_resolver>(
      [](const k8s::object_key&, answer<k8s::object>) {}, options_);
  cache_object cache;
  cache.image = host + "/a:b";
  std::vector<errc> codes;
  std::mutex mutex;
  for (int i = 0; i < 4; ++i)
    resolver->resolve(cache, {}, [&](const result<digest>& r) {
      std::lock_guard lock(mutex);
      codes.push_back(r ? errc::none : r.error().code);
    });
  resolver.reset();
  EXPECT_EQ(codes, std::vector<errc>(4, errc::cancelled));
}

}  // namespace
}  // namespace gkm::op
