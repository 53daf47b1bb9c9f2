#include "reviews.hpp"

namespace gkm::op {
namespace {

using test::review_text;

TEST(admission_review, reads_what_an_api_server_sends) {
  auto r = parse_admission_review(review_text("UPDATE", R"({"a":1})", R"({"b":2})", "joe"));
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(r->uid, "u-1");
  EXPECT_EQ(r->operation, admission_operation::update);
  EXPECT_EQ(r->user, "joe");
  EXPECT_EQ(r->ns, "ns");
  EXPECT_TRUE(r->object && r->old_object);
}

TEST(admission_review, refuses_everything_else) {
  auto deep = std::string(100'000, '[');
  for (
      const std::string& text : std::vector<std::string>{
          "", "null", "[]", "{}", "{\"kind\":\"AdmissionReview\"}", deep, std::string("\0", 1),
          R"({"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"u"}})",
          R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}})",
          R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":[]})",
          R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":7}})",
          R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":")" +
              std::string(300, 'u') + R"("}})"})
    EXPECT_FALSE(parse_admission_review(text)) << text.substr(0, 80);
}

TEST(admission_review, refuses_more_values_than_there_is_memory_for) {
  auto numbers = [](size_t count) {
    std::string list = "[0";
    for (size_t i = 1; i < count; ++i) list += ",0";
    return review_text("CREATE", list + "]");
  };
  EXPECT_TRUE(parse_admission_review(numbers(9'000)));
  auto many = parse_admission_review(numbers(100'000));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, errc::limit_exceeded);
  auto text = review_text("CREATE", R"({"a":")" + std::string(100'000, ',') + R"(\"[[["})");
  EXPECT_TRUE(parse_admission_review(text)) << "a text is one value";
  EXPECT_EQ(review_values_of(size_t{8} << 20), review_values_max);
  EXPECT_LT(review_values_of(1'000), 11'000U);
}

TEST(admission_review, fields_of_another_type_are_none) {
  auto r = parse_admission_review(
      R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u",)"
      R"("operation":1,"userInfo":"x","namespace":[],"object":null}})");
  ASSERT_TRUE(r);
  EXPECT_EQ(r->operation, admission_operation::other);
  EXPECT_TRUE(r->user.empty() && r->ns.empty());
  EXPECT_EQ(r->object, nullptr);
}

TEST(admission_review, prints_what_an_api_server_reads) {
  admission_decision yes;
  yes.patch = "[]";
  yes.warnings = {"careful"};
  EXPECT_EQ(print_admission_review("u\"1", yes),
            R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":)"
            R"({"uid":"u\"1","allowed":true,"patchType":"JSONPatch","patch":"W10=",)"
            R"("warnings":["careful"]}})");
  EXPECT_EQ(print_admission_review("u", deny({errc::unavailable, "later", {}})),
            R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":)"
            R"({"uid":"u","allowed":false,"status":{"code":503,"reason":"ServiceUnavailable",)"
            R"("message":"later"}}})");
}

}  // namespace
}  // namespace gkm::op
