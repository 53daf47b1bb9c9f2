/// AdmissionReviews as an API server sends them.
#pragma once

#include "actors/operator/admission/admission_review.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gkm::op::test {

inline const std::string one_digest = "sha256:" + std::string(64, '1');
inline const std::string two_digest = "sha256:" + std::string(64, '2');
inline constexpr auto operator_user = "system:serviceaccount:gkm-system:gkm-operator";

inline std::string review_text(const std::string& operation, const std::string& object,
                               const std::string& old_object = "null",
                               const std::string& user = "jane") {
  return R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-1",)"
         R"("operation":")" +
         operation + R"(","namespace":"ns","userInfo":{"username":")" + user + R"("},"object":)" +
         object + R"(,"oldObject":)" + old_object + "}}";
}

inline admission_request review(const std::string& operation, const std::string& object,
                                const std::string& old_object = "null",
                                const std::string& user = "jane") {
  auto parsed = parse_admission_review(review_text(operation, object, old_object, user));
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return *parsed;
}

inline std::string cache_json(const std::string& image, const std::string& pinned = "",
                              const std::string& metadata = "") {
  auto annotations =
      pinned.empty() ? "" : R"(,"annotations":{"gkm.io/resolvedDigest":")" + pinned + R"("})";
  return R"({"metadata":{"name":"c")" + annotations + metadata + R"(},"spec":{"image":")" + image +
         R"("}})";
}

}  // namespace gkm::op::test
