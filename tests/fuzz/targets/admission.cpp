// What anybody may put before the webhooks: reviews, pods to complete, caches to judge.
#include "actors/operator/admission/admission_review.hpp"
#include "actors/operator/admission/cache_admission.hpp"
#include "actors/operator/admission/pod_admission.hpp"
#include "base/base64.hpp"
#include "k8s/objects/patch.hpp"
#include "messages/json/json.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_patches.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace gkm::fuzz {
namespace {

using namespace op;

constexpr auto operator_user = "system:serviceaccount:gkm-system:gkm-operator";

std::string printed(const rapidjson::Value* value) {
  if (!value) return "null";
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  value->Accept(out);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string review_of(std::string_view operation, std::string_view object,
                      std::string_view old_object = "null") {
  return R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-1","operation":")" +
         std::string(operation) + R"(","namespace":"ns","userInfo":{"username":"jane"},"object":)" +
         std::string(object) + R"(,"oldObject":)" + std::string(old_object) + "}}";
}

void require_answer(const admission_decision& d) {
  auto answer = gkm::json::parse(print_admission_review("u-1", d));
  require_ok(answer, "an answer is no JSON");
  require(d.allowed || (d.code >= 400 && !d.message.empty()), "a denial that says nothing");
  require(d.allowed || d.patch.empty(), "a denial changes something");
}

admission_decision completion_of(const admission_request& asked) {
  return complete_pod(asked).decision;
}

void complete(std::string_view text) {
  auto asked = parse_admission_review(text);
  if (!asked)
    return require(asked.error().code == errc::malformed, "a review is refused for another reason");
  work_meter work;
  const auto decision = completion_of(*asked);
  work.require_at_most(1 << 20, 1'024, text.size(), "a pod's completion");
  require(decision.allowed, "a pod is denied");
  require_answer(decision);
  require(decision.patch.size() <= 64 * text.size() + 1'024, "a patch outgrew its pod");
  if (decision.patch.empty()) return;
  auto changed = apply_json_patch(printed(asked->object), decision.patch);
  require(changed.has_value(), "a patch cannot be applied: " + decision.patch);
  auto again = parse_admission_review(review_of("CREATE", *changed));
  require_ok(again, "a changed pod is no object");
  require(completion_of(*again).patch.empty(), "asking again changes something: " + decision.patch);
}

void complete_review(std::string_view input) { complete(input); }
void complete_object(std::string_view input) { complete(review_of("CREATE", input)); }

void review(std::string_view text) {
  auto asked = parse_admission_review(text);
  if (!asked) return;
  work_meter work;
  const digest some{std::string(64, 'd')};
  const auto mutation = review_mutation(*asked, {true, operator_user});
  require_answer(mutation.decision);
  if (mutation.resolve) {
    require(image_ref::parse(mutation.resolve->image).has_value(),
            "an image is resolved that is none");
    const auto pinned = admit_digest(*asked, some);
    require_answer(pinned);
    auto changed = pinned.patch.empty() ? printed(asked->object)
                                        : apply_json_patch(printed(asked->object), pinned.patch);
    if (changed) {
      auto again = parse_admission_review(review_of("CREATE", *changed));
      require_ok(again, "a pinned cache is no object");
      auto verdict = review_validation(*again, {true, operator_user});
      if (asked->operation == admission_operation::create && verdict.resolve)
        require(image_ref::parse(verdict.resolve->image)->pinned == some,
                "another digest than the pinned one");
    }
  }
  const auto validation = review_validation(*asked, {true, operator_user});
  require_answer(validation.decision);
  require_answer(admit_digest(*asked, fail(errc::unavailable, "down")));
  require_answer(confirm(*asked, fail(errc::not_found, "gone")));
  work.require_at_most(1 << 20, 1'024, text.size(), "a cache's judgement");
}

void judge_review(std::string_view input) { review(input); }
// Two objects, a line each: as it is to be, as it was.
void judge_objects(std::string_view input) {
  auto [object, rest] = first_line(input);
  auto old = first_line(rest).first;
  review(review_of(old.empty() ? "CREATE" : "UPDATE", object, old.empty() ? "null" : old));
}

std::string volume(const std::string& name, const std::string& attributes) {
  return R"({"name":")" + name + R"(","csi":{"driver":"csi.gkm.io","volumeAttributes":{)" +
         attributes + "}}}";
}
std::string mount(const std::string& name, const std::string& path, const std::string& more = "") {
  return R"({"name":")" + name + R"(","mountPath":")" + path + "\"" + more + "}";
}

}  // namespace

std::vector<subject> subjects() {
  const std::string pod =
      R"({"metadata":{"annotations":{"gkm.io/inject-env":"true","gkm.io/cache-type":"k=triton,l=vllm"}},"spec":{"volumes":[)" +
      volume("k", R"("csi.gkm.io/GKMCache":"c")") + "," + volume("l", "") +
      R"(,{"name":"m","csi":{"driver":"csi.gkm.io"}},{"name":"k-gkm-2","emptyDir":{}}],"containers":[{"name":"a","volumeMounts":[)" +
      mount("k", "/a") + "," + mount("k", "/b//c/") + "," +
      mount("l", "/x/y", R"(,"subPath":"y")") + "," +
      mount("m", "/z", R"x(,"subPathExpr":"$(X)")x") +
      R"(],"env":[{"name":"VLLM_CACHE_ROOT","value":"v"}]},{"name":"b",)"
      R"("envFrom":[{}],"volumeMounts":[)" +
      mount("k", "/b/c") + R"(]}],"initContainers":[{"name":"i","volumeMounts":[)" +
      mount("l", "/q") + "]}]}}";
  const std::string digest = "sha256:" + std::string(64, '1');
  const std::string cache =
      R"({"metadata":{"name":"c","annotations":{"gkm.io/resolvedDigest":")" + digest +
      R"("},"finalizers":["x"]},"spec":{"image":"quay.io/x:1","imagePullSecrets":[{"name":"s"}]}})";
  const std::string bare = R"({"metadata":{"name":"c"},"spec":{"image":"quay.io/x:2"}})";
  return {
      {"pod_review", complete_review, {review_of("CREATE", pod), review_of("UPDATE", pod, pod)}},
      {"pod",
       complete_object,
       {pod, R"({"spec":{"volumes":[null,7,"x",{"csi":[]}],"containers":[null,[]]}})", "null",
        "[]"}},
      {"cache_review",
       judge_review,
       {review_of("CREATE", bare), review_of("UPDATE", bare, cache),
        review_of("DELETE", "null", cache)}},
      {"cache",
       judge_objects,
       {bare, cache, bare + "\n" + cache, cache + "\n" + bare, cache + "\n" + cache,
        R"({"spec":{"image":"oci:/x"}})"}},
  };
}

std::vector<std::string> tokens() {
  return {"\"volumeMounts\":[",
          "\"volumes\":[",
          "\"containers\":[",
          "\"mountPath\":\"/a\"",
          "\"subPath\":\"b\"",
          "\"csi\":{",
          "\"driver\":\"csi.gkm.io\"",
          "\"volumeAttributes\":{",
          "\"csi.gkm.io/mountPath\":\"/m\"",
          "\"name\":\"k\"",
          "\"annotations\":{",
          "\"gkm.io/inject-env\":\"true\"",
          "\"finalizers\":[",
          "gkm.io/in-use",
          "\"gkm.io/resolvedDigest\":",
          "\"deletionTimestamp\":\"x\"",
          "CREATE",
          "UPDATE",
          "\"subResource\":\"status\"",
          "{\"name\":\"k\",\"mountPath\":\"/d\"},",
          "null",
          "~1",
          "~0",
          "\\u0000",
          "/../",
          "sha256:" + std::string(64, '2')};
}

}  // namespace gkm::fuzz
