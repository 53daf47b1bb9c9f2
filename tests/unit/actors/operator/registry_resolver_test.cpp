#include "actors/operator/registry_resolver.hpp"

#include "base/base64.hpp"
#include "k8s/object.hpp"
#include "tests/support/cache_image.hpp"
#include "tests/support/fault_server.hpp"
#include "tests/support/gate.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>

namespace gkm::cluster {
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
    cluster_cache cache;
    cache.ref = {ns, "c"};
    cache.image = image;
    cache.pull_secrets = std::move(secrets);
    std::promise<result<digest>> promise;
    resolver_->resolve(cache, [&](result<digest> r) { promise.set_value(std::move(r)); });
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

  secret_reader reader() {
    return [this](const k8s::object_key& key, answer<k8s::object> reply) {
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
  keep_secret("ns/broken", R"({"auths":{"hush":{"auth":"%%%"}}})");
  for (const char* name : {"opaque", "copy", "broken", "../x", ""}) {
    auto got = resolve("q.io/a:b", {name});
    EXPECT_EQ(got.error().code, errc::invalid_argument) << name;
    EXPECT_THAT(got.error().message, ::testing::Not(HasSubstr("hush")));
  }
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

TEST_F(registry_resolver_test, answers_in_time_where_the_registry_does_not) {
  support::silent_listener silent;
  options_.limit = std::chrono::milliseconds(200);
  auto host = "127.0.0.1:" + std::to_string(silent.port());
  options_.allowed_hosts = {host};
  auto got = resolve(host + "/a:b");
  EXPECT_EQ(got.error().code, errc::unavailable);
  EXPECT_THAT(got.error().message, HasSubstr("did not answer"));
}

TEST_F(registry_resolver_test, a_namespace_with_a_slow_registry_holds_up_no_other) {
  auto never = std::make_shared<support::gate>();
  fault_server slow([never](const seen_request&) {
    reply held;
    held.wrong.hold_head = never;
    return held;
  });
  image_registry registry(small_image());
  allow(slow);
  allow(registry.server());
  options_.open_of_one = 20;
  resolver_ = std::make_unique<registry_resolver>(reader(), options_);
  registry.add("wanted", small_image());
  std::atomic<size_t> busy = 0;
  for (int i = 0; i < 40; ++i) {
    cluster_cache greedy;
    greedy.ref = {"greedy", "c"};
    greedy.image = slow.authority() + "/a:" + std::to_string(i);
    if (i == 10) greedy.image = registry.name("wanted");
    resolver_->resolve(
        greedy, [&](const result<digest>& r) { busy += !r && r.error().code == errc::busy; });
  }
  slow.wait_for_requests(options_.threads_of_one);
  EXPECT_TRUE(resolve(registry.name()));
  EXPECT_TRUE(resolve(registry.name("wanted"), {}, "other")) << "the greedy one waits for it, too";
  EXPECT_EQ(busy, 20u);
  EXPECT_EQ(slow.requests().size(), options_.threads_of_one);
  never->open();
  resolver_.reset();
}

TEST_F(registry_resolver_test, says_when_a_registry_is_down) {
  auto host = "127.0.0.1:" + std::to_string(support::unused_port());
  options_.allowed_hosts = {host};
  EXPECT_EQ(resolve(host + "/a:b").error().code, errc::unavailable);
}

TEST_F(registry_resolver_test, remembers_success_and_no_failure) {
  image_registry registry(small_image());
  allow(registry.server());
  EXPECT_EQ(resolve(registry.name("later")).error().code, errc::not_found);
  registry.add("later", small_image());
  EXPECT_TRUE(resolve(registry.name("later")));
  auto before = registry.server().requests().size();
  EXPECT_TRUE(resolve(registry.name("later")));
  EXPECT_TRUE(resolve(registry.name("later") + "@" + small_image().digest()));
  EXPECT_EQ(registry.server().requests().size(), before);
}

TEST_F(registry_resolver_test, pins_nothing_that_is_no_image) {
  image_registry registry(small_image());
  allow(registry.server());
  registry.interfere([](const seen_request&, const reply&) -> std::optional<reply> {
    return reply{200, R"({"hello":"world"})"};
  });
  EXPECT_EQ(resolve(registry.name()).error().code, errc::malformed);
}

TEST_F(registry_resolver_test, ends_with_questions_open) {
  support::silent_listener silent;
  auto host = "127.0.0.1:" + std::to_string(silent.port());
  options_.allowed_hosts = {host};
  auto resolver = std::make_unique<registry_resolver>(
      [](const k8s::object_key&, answer<k8s::object>) {}, options_);
  cluster_cache cache;
  cache.image = host + "/a:b";
  std::vector<errc> codes;
  std::mutex mutex;
  for (int i = 0; i < 4; ++i)
    resolver->resolve(cache, [&](const result<digest>& r) {
      std::lock_guard lock(mutex);
      codes.push_back(r ? errc::none : r.error().code);
    });
  resolver.reset();
  EXPECT_EQ(codes, std::vector<errc>(4, errc::cancelled));
}

}  // namespace
}  // namespace gkm::cluster
