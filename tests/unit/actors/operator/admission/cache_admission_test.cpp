#include "actors/operator/admission/cache_admission.hpp"

#include "reviews.hpp"

#include <gmock/gmock.h>

namespace gkm::op {
namespace {

using test::cache_json;
using test::one_digest;
using test::operator_user;
using test::review;
using test::two_digest;
using ::testing::HasSubstr;

const std::string deleting = R"(,"deletionTimestamp":"2025-01-01T00:00:00Z")";

const review_sender server{true, operator_user};
const review_sender anybody{false, operator_user};

std::string private_cache(const std::string& image, const std::string& pinned = "") {
  auto text = cache_json(image, pinned);
  return text.substr(0, text.size() - 2) + R"(,"imagePullSecrets":[{"name":"s"}]}})";
}

digest found(const std::string& text) { return *digest::parse(text); }

TEST(mutating, resolves_a_new_object_with_its_own_secrets) {
  auto asked = review("CREATE", R"({"metadata":{"generateName":"c-"},"spec":{"image":"q.io/a:b",)"
                                R"("imagePullSecrets":[{"name":"s"},{"name":"t"},{}]}})");
  auto v = review_mutation(asked, server);
  ASSERT_TRUE(v.resolve);
  EXPECT_EQ(v.resolve->ref.ns, "ns");
  EXPECT_EQ(v.resolve->image, "q.io/a:b");
  EXPECT_EQ(v.resolve->pull_secrets, (std::vector<std::string>{"s", "t"}));
  EXPECT_EQ(admit_digest(asked, found(one_digest)).patch,
            R"([{"op":"add","path":"/metadata/annotations","value":{"gkm.io/resolvedDigest":")" +
                one_digest + R"("}},)" +
                R"({"op":"add","path":"/metadata/finalizers","value":["gkm.io/in-use"]}])");
}

TEST(mutating, gives_a_new_object_the_finalizer_once) {
  auto with = [](const std::string& finalizers) {
    return review("CREATE", cache_json("q.io/a:b", one_digest, ",\"finalizers\":" + finalizers));
  };
  EXPECT_EQ(admit_digest(with(R"(["x"])"), found(one_digest)).patch,
            R"([{"op":"add","path":"/metadata/finalizers/-","value":"gkm.io/in-use"}])");
  EXPECT_EQ(admit_digest(with(R"(["gkm.io/in-use"])"), found(one_digest)).patch, "");
}

TEST(mutating, overwrites_what_a_user_put_there) {
  auto asked = review("UPDATE", cache_json("q.io/a:b", two_digest), cache_json("q.io/a:a"));
  ASSERT_TRUE(review_mutation(asked, server).resolve);
  EXPECT_EQ(admit_digest(asked, found(one_digest)).patch,
            R"([{"op":"add","path":"/metadata/annotations/gkm.io~1resolvedDigest","value":")" +
                one_digest + R"("}])");
  EXPECT_EQ(admit_digest(asked, found(two_digest)).patch, "");
}

TEST(mutating, resolves_a_reference_with_a_digest_too) {
  auto asked = review("CREATE", cache_json("q.io/a@" + one_digest));
  EXPECT_TRUE(review_mutation(asked, server).resolve);
}

TEST(mutating, denies_malformed_images_with_reason_and_remedy) {
  for (const char* image : {"", "UPPER/case:x", "a/b@sha256:12", "oci:/etc", "a b"}) {
    auto v = review_mutation(review("CREATE", cache_json(image)), server);
    ASSERT_FALSE(v.resolve) << image;
    EXPECT_FALSE(v.decision.allowed) << image;
    EXPECT_EQ(v.decision.code, 422);
    EXPECT_THAT(v.decision.message, HasSubstr("is malformed"));
    EXPECT_THAT(v.decision.message, HasSubstr("registry/repository:tag"));
  }
  EXPECT_FALSE(review_mutation(review("CREATE", "{}"), server).decision.allowed);
  EXPECT_FALSE(review_mutation(review("CREATE", R"({"spec":{"image":7}})"), {}).decision.allowed);
}

struct free_case {
  const char* what;
  std::string operation, object, old_object, user;
};

TEST(admission, lets_in_without_any_registry_what_touches_neither_image_nor_annotation) {
  auto pinned = cache_json("q.io/a:b", one_digest);
  for (const auto& c : std::vector<free_case>{
           {"labels", "UPDATE", cache_json("q.io/a:b", one_digest, R"(,"labels":{"a":"b"})"),
            pinned, "jane"},
           {"not pinned yet", "UPDATE", cache_json("q.io/a:b"), cache_json("q.io/a:b"), "jane"},
           {"finalizers", "UPDATE", pinned,
            cache_json("q.io/a:b", one_digest, R"(,"finalizers":["x"])"), "jane"},
           {"deleting", "UPDATE", cache_json("q.io/a:c", one_digest, deleting),
            cache_json("q.io/a:b", one_digest, deleting), "jane"},
           {"deletion", "DELETE", "null", pinned, "jane"},
           {"malformed since before", "UPDATE", cache_json("UPPER"), cache_json("UPPER"), "jane"},
           {"by the operator", "UPDATE", cache_json("q.io/a:b", two_digest), pinned,
            operator_user}}) {
    auto asked = review(c.operation, c.object, c.old_object, c.user);
    for (auto* judge : {&review_mutation, &review_validation}) {
      auto v = judge(asked, server);
      EXPECT_FALSE(v.resolve) << c.what;
      EXPECT_EQ(v.decision, admission_decision{}) << c.what;
    }
  }
}

TEST(mutating, puts_back_what_a_replace_dropped) {
  auto v = review_mutation(
      review("UPDATE", cache_json("q.io/a:b"), cache_json("q.io/a:b", one_digest)), server);
  EXPECT_FALSE(v.resolve);
  EXPECT_THAT(v.decision.patch, HasSubstr(one_digest));
}

TEST(validating, denies_setting_and_changing_the_annotation) {
  for (const auto& before : {std::string(), one_digest}) {
    auto v = review_validation(
        review("UPDATE", cache_json("q.io/a:b", two_digest), cache_json("q.io/a:b", before)),
        server);
    EXPECT_FALSE(v.resolve);
    EXPECT_FALSE(v.decision.allowed);
    EXPECT_EQ(v.decision.code, 403);
    EXPECT_THAT(v.decision.message, HasSubstr("only GKM writes"));
  }
}

TEST(validating, asks_for_the_pinned_digest_and_not_for_the_tag) {
  auto asked = review("CREATE", cache_json("q.io/a:b", one_digest));
  auto v = review_validation(asked, server);
  ASSERT_TRUE(v.resolve);
  EXPECT_EQ(image_ref::parse(v.resolve->image)->pinned.str(), one_digest);
  EXPECT_EQ(confirm(asked, found(one_digest)), admission_decision{});
  EXPECT_FALSE(confirm(asked, fail(errc::not_found, "gone")).allowed);
}

TEST(mutating, leaves_what_needs_secrets_to_the_leader_unless_an_api_server_asks) {
  auto asked = review("CREATE", private_cache("q.io/a:b"));
  auto v = review_mutation(asked, anybody);
  EXPECT_FALSE(v.resolve);
  EXPECT_TRUE(v.decision.allowed);
  EXPECT_EQ(v.decision.patch,
            R"([{"op":"add","path":"/metadata/finalizers","value":["gkm.io/in-use"]}])");
  EXPECT_TRUE(review_mutation(asked, server).resolve);
  EXPECT_TRUE(review_mutation(review("CREATE", cache_json("q.io/a:b")), anybody).resolve);
  EXPECT_FALSE(
      review_mutation(review("CREATE", private_cache("UPPER/x:y")), anybody).decision.allowed);
}

TEST(mutating, takes_away_a_digest_that_nobody_looked_up) {
  const auto removal = R"({"op":"remove","path":"/metadata/annotations/gkm.io~1resolvedDigest"})";
  auto forged = review("CREATE", private_cache("q.io/a:b", two_digest));
  EXPECT_THAT(review_mutation(forged, anybody).decision.patch, HasSubstr(removal));
  auto next = review("UPDATE", private_cache("q.io/a:c", one_digest),
                     private_cache("q.io/a:b", one_digest));
  EXPECT_EQ(review_mutation(next, anybody).decision.patch, "[" + std::string(removal) + "]");
}

TEST(mutating, leaves_to_the_leader_what_the_resolver_is_too_busy_for) {
  auto d =
      admit_digest(review("CREATE", cache_json("q.io/a:b", two_digest)), fail(errc::busy, "full"));
  EXPECT_TRUE(d.allowed);
  EXPECT_THAT(d.patch, HasSubstr(R"("op":"remove")"));
  EXPECT_THAT(d.patch, HasSubstr("gkm.io/in-use"));
  EXPECT_THAT(d.patch, ::testing::Not(HasSubstr("sha256")));
}

TEST(validating, lets_in_what_is_left_to_the_leader_and_no_digest_with_it) {
  for (const auto& sender : {anybody, server}) {
    auto v = review_validation(review("CREATE", private_cache("q.io/a:b")), sender);
    EXPECT_FALSE(v.resolve);
    EXPECT_EQ(v.decision, admission_decision{});
  }
  auto pinned = review("CREATE", private_cache("q.io/a:b", one_digest));
  auto v = review_validation(pinned, anybody);
  EXPECT_FALSE(v.resolve);
  EXPECT_FALSE(v.decision.allowed);
  EXPECT_TRUE(review_validation(pinned, server).resolve);
}

TEST(validating, denies_what_the_mutating_webhook_cannot_have_written) {
  for (const auto& object :
       {cache_json("q.io/a:b", "forged"), cache_json("q.io/a@" + one_digest, two_digest)}) {
    auto v = review_validation(review("CREATE", object), server);
    EXPECT_FALSE(v.resolve) << object;
    EXPECT_FALSE(v.decision.allowed) << object;
  }
}

TEST(admission, says_that_a_registry_is_down_and_that_trying_again_helps) {
  auto no =
      admit_digest(review("CREATE", cache_json("q.io/a:b")), fail(errc::unavailable, "no route"));
  EXPECT_FALSE(no.allowed);
  EXPECT_EQ(no.code, 503);
  EXPECT_THAT(no.message, HasSubstr("no route"));
  EXPECT_THAT(no.message, HasSubstr("apply it again"));
  auto refused =
      admit_digest(review("CREATE", cache_json("q.io/a:b")), fail(errc::unauthorized, "no"));
  EXPECT_EQ(refused.code, 403);
  EXPECT_THAT(refused.message, ::testing::Not(HasSubstr("apply it again")));
}

}  // namespace
}  // namespace gkm::op
