// What is answered at each path, as the server calls it, with a resolver and registries behind it.
#include "actors/operator/admission/admission.hpp"
#include "actors/operator/admission/pod_admission.hpp"
#include "base/base64.hpp"
#include "k8s/objects/object.hpp"
#include "messages/json/json.hpp"
#include "messages/json/json_values.hpp"
#include "oci/manifest.hpp"
#include "reviews.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/registry/cache_image.hpp"
#include "tests/support/registry/fault_server.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace gkm::op {
namespace {

using support::cache_image;
using support::image_registry;
using support::reply;
using support::seen_request;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string pod = R"({"metadata":{},"spec":{"volumes":[{"name":"k","csi":{"driver":)"
                        R"("csi.gkm.io"}}],"containers":[{"name":"c","volumeMounts":[{"name":"k",)"
                        R"("mountPath":"/cache"}]}]}})";

std::string cache_of(const std::string& image, const std::string& secret = "") {
  auto text = test::cache_json(image, test::two_digest);
  if (secret.empty()) return text;
  return text.substr(0, text.size() - 2) + R"(,"imagePullSecrets":[{"name":")" + secret + "\"}]}}";
}

class admission_webhooks_test : public testing::Test {
protected:
  std::string ask(const std::string& path, const std::string& object, bool proven = false,
                  const std::string& ns = "ns") {
    auto text = test::review_text("CREATE", object);
    text.replace(text.find(R"("namespace":"ns")"), 16, R"("namespace":")" + ns + '"');
    auto got = hooks_.at(path)(text, {std::chrono::hours(1), proven});
    return got ? *got : "error: " + got.error().message;
  }
  static std::string patch_of(const std::string& answer) {
    auto parsed = json::parse(answer);
    if (!parsed) return answer;
    const auto& response = (*parsed)["response"];
    EXPECT_TRUE(response["allowed"].GetBool()) << answer;
    if (!response.HasMember("patch")) return "";
    return base::from_base64(response["patch"].GetString()).value();
  }

  void allow(const support::fault_server& server) {
    options_.allowed_hosts.push_back(server.authority());
  }
  void start() {
    options_.limit = std::chrono::hours(1);
    resolver_ = std::make_unique<registry_resolver>(
        [this](const k8s::object_key&, answer<k8s::object> reply) {
          ++secrets_read_;
          reply(secret_ ? k8s::object::parse(*secret_) : fail(errc::not_found, "no such secret"));
        },
        options_);
    hooks_ = admission_webhooks(*resolver_, test::operator_user);
  }

  resolver_options options_;
  std::optional<std::string> secret_;
  std::atomic<size_t> secrets_read_ = 0;
  std::unique_ptr<registry_resolver> resolver_;
  std::map<std::string, webhook> hooks_;
};

cache_image small_image() {
  return cache_image().layer(support::kernel_layer().bytes()).claims("hip", "gfx90a");
}

TEST_F(admission_webhooks_test, pins_what_anybody_may_read) {
  image_registry registry(small_image());
  allow(registry.server());
  start();
  EXPECT_THAT(patch_of(ask("/mutate/caches", cache_of(registry.name()))),
              HasSubstr(small_image().digest()));
}

TEST_F(admission_webhooks_test, answers_a_stranger_the_same_whatever_secrets_there_are) {
  image_registry registry(small_image());
  allow(registry.server());
  registry.interfere([](const seen_request& r, const reply&) -> std::optional<reply> {
    if (!r.header("authorization").empty()) return std::nullopt;
    reply no;
    no.status = 401;
    no.headers = {{"WWW-Authenticate", "Basic realm=\"x\""}};
    return no;
  });
  start();
  auto login = base::to_base64(R"({"auths":{")" + registry.server().authority() +
                               R"(":{"username":"u","password":"p"}}})");
  auto secret = [&](const std::string& type) {
    return R"({"metadata":{"namespace":"ns","name":"s"},"type":")" + type +
           R"(","data":{".dockerconfigjson":")" + login + R"("}})";
  };
  auto object = cache_of(registry.name(), "s");
  std::set<std::string> answers;
  for (const auto& there : {std::optional<std::string>(), std::optional(secret("Opaque")),
                            std::optional(secret("kubernetes.io/dockerconfigjson"))}) {
    secret_ = there;
    answers.insert(ask("/mutate/caches", object));
    answers.insert(ask("/mutate/caches", object, false, "kube-system"));
  }
  EXPECT_EQ(answers.size(), 1U);
  EXPECT_THAT(patch_of(*answers.begin()), Not(HasSubstr("sha256")));
  EXPECT_THAT(patch_of(*answers.begin()), HasSubstr(R"("op":"remove")"));
  EXPECT_THAT(ask("/validate/caches", object), HasSubstr(R"("allowed":false)"))
      << "a digest with it is nobody's of ours";
  EXPECT_EQ(secrets_read_, 0U);
  EXPECT_TRUE(registry.server().requests().empty());
  EXPECT_THAT(patch_of(ask("/mutate/caches", object, true)), HasSubstr(small_image().digest()))
      << "an API server that proved to be one";
  EXPECT_EQ(secrets_read_, 1U);
}

TEST_F(admission_webhooks_test, pods_and_others_wait_for_no_cache_whose_registry_hangs) {
  auto never = std::make_shared<support::gate>();
  support::fault_server hanging([never](const seen_request&) {
    reply held;
    held.wrong.hold_head = never;
    return held;
  });
  allow(hanging);
  // As many as may wait, so that nothing but their number keeps further ones from waiting, too.
  options_.unproven_turns = {.places = 2, .places_of_one = 1};
  start();
  std::atomic<size_t> left_to_leader = 0;
  std::vector<std::jthread> callers;
  const auto all = 2 * (cache_reviews_max.places_of_one + 1);
  for (size_t i = 0; i < all; ++i)
    callers.emplace_back([&, ns = i % 2 ? "greedy" : "greedier"] {
      auto answer = ask("/mutate/caches", cache_of(hanging.authority() + "/a:b"), false, ns);
      if (answer.find(R"("allowed":true)") != std::string::npos) ++left_to_leader;
    });
  hanging.wait_for_requests(2);
  EXPECT_THAT(patch_of(ask("/mutate/pods", pod)), HasSubstr("mountPath"));
  // Of all but those two the turn never comes, and they are told so while the registry hangs.
  while (left_to_leader < all - 2) std::this_thread::yield();
  never->open();
  callers.clear();
  EXPECT_EQ(left_to_leader, all - 2);
}

TEST_F(admission_webhooks_test, so_many_reviews_of_caches_wait_and_no_more) {
  auto never = std::make_shared<support::gate>();
  support::fault_server hanging([never](const seen_request&) {
    reply held;
    held.wrong.hold_head = never;
    return held;
  });
  allow(hanging);
  options_.unproven_turns = {.places = 64, .places_of_one = 64};
  start();
  constexpr auto most = cache_reviews_max.places_of_one;
  std::vector<std::jthread> waiting;
  for (size_t i = 0; i < most; ++i)
    waiting.emplace_back([&, i] {
      ask("/mutate/caches", cache_of(hanging.authority() + "/a:" + std::to_string(i)));
    });
  hanging.wait_for_requests(most);
  auto further = ask("/mutate/caches", cache_of(hanging.authority() + "/a:b"));
  EXPECT_THAT(patch_of(further), Not(HasSubstr("sha256"))) << "left to the leader at once";
  EXPECT_EQ(hanging.requests().size(), most);
  never->open();
}

// Whatever strangers send, in bytes, against what deploy/base/operator.yaml gives the operator.
TEST_F(admission_webhooks_test, cost_less_than_the_operator_has) {
  constexpr size_t memory = size_t{512} << 20;
  constexpr size_t thread = size_t{128} << 10;  // its stack, and TLS
  constexpr size_t reading = 3 * json::value_bytes;
  const auto small = webhook_small_body_bytes;
  auto connections = webhook_connections_max.places * (small + thread);
  auto large =
      webhook_large_bodies_max * (2 * webhook_body_bytes_max + reading * review_values_max);
  auto at_work = reviews_at_work_max * (small + reading * review_values_of(small));
  auto waiting = cache_reviews_max.places * (small + json::value_bytes * review_values_of(small));
  auto patches = reviews_at_work_max * 8 * pod_patch_bytes_max;
  auto asking = (resolver_turns_max.places + unproven_turns_max.places) *
                (2 * oci::max_manifest_bytes + reading * resolver_manifest_values_max);
  auto questions = (resolver_turns_max.waiting + unproven_turns_max.waiting) * 1'024;
  auto sum = connections + large + at_work + waiting + patches + asking + questions;
  EXPECT_LT(sum, memory / 4 * 3) << "the rest is for the view of the cluster";
}

TEST_F(admission_webhooks_test, leave_connections_to_pods) {
  EXPECT_LT(cache_reviews_max.places, webhook_connections_max.places / 2);
  EXPECT_LT(cache_reviews_max.places_of_one, cache_reviews_max.places / 2);
  EXPECT_LT(webhook_connections_max.places_of_one, webhook_connections_max.places);
}

}  // namespace
}  // namespace gkm::op
