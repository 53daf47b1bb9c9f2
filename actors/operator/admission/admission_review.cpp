#include "actors/operator/admission/admission_review.hpp"

#include "base/base64.hpp"
#include "k8s/objects/json_lookup.hpp"
#include "k8s/objects/patch.hpp"
#include "messages/json/json.hpp"
#include "messages/json/json_values.hpp"
#include "messages/printable.hpp"

#include <algorithm>

namespace gkm::op {
namespace {

constexpr size_t max_uid_chars = 256;
constexpr size_t max_message_chars = 2'048;
constexpr size_t max_warnings = 16;
constexpr size_t max_warning_chars = 240;  // the API server cuts longer ones, in the end all

struct http_status {
  int code;
  const char* reason;
};

http_status status_of(errc code) {
  switch (code) {
    case errc::invalid_argument:
    case errc::malformed:
    case errc::not_found:
    case errc::corrupt:
    case errc::limit_exceeded:
    case errc::incompatible:
      return {422, "Invalid"};
    case errc::unavailable:
    case errc::busy:
    case errc::cancelled:
    case errc::expired:
    case errc::conflict:
      return {503, "ServiceUnavailable"};
    case errc::io:
    case errc::no_space:
    case errc::internal:
      return {500, "InternalError"};
    case errc::none:
    case errc::unauthorized:
    case errc::refused:
      break;
  }
  return {403, "Forbidden"};
}

tl::unexpected<error> wrong(std::string_view what) {
  return fail(errc::malformed, "AdmissionReview: " + std::string(what));
}

admission_operation operation_of(std::string_view word) {
  if (word == "CREATE") return admission_operation::create;
  if (word == "UPDATE") return admission_operation::update;
  return admission_operation::other;
}

}  // namespace

size_t review_values_of(size_t bytes) {
  constexpr size_t of_any = 10'000;
  constexpr size_t bytes_of_one = 4;
  return std::min(review_values_max, of_any + bytes / bytes_of_one);
}

result<admission_request> parse_admission_review(std::string_view json) {
  if (auto most = review_values_of(json.size()); gkm::json::count_values(json) > most)
    return fail(errc::limit_exceeded,
                "AdmissionReview: has more than " + std::to_string(most) + " values");
  auto parsed = gkm::json::parse(json);
  if (!parsed) return fail(parsed.error());
  auto document = std::make_shared<rapidjson::Document>(std::move(*parsed));
  const rapidjson::Value* root = document.get();
  if (k8s::lookup::text(root, {"kind"}) != "AdmissionReview" ||
      k8s::lookup::text(root, {"apiVersion"}) != "admission.k8s.io/v1")
    return wrong("apiVersion and kind must be 'admission.k8s.io/v1' and 'AdmissionReview'");
  const auto* request = k8s::lookup::member(root, "request");
  if (!request || !request->IsObject()) return wrong("request is missing");
  admission_request out;
  out.uid = k8s::lookup::text(request, {"uid"});
  if (out.uid.empty() || out.uid.size() > max_uid_chars)
    return wrong("request.uid is missing or too long");
  out.operation = operation_of(k8s::lookup::text(request, {"operation"}));
  out.user = k8s::lookup::text(request, {"userInfo", "username"});
  out.ns = k8s::lookup::text(request, {"namespace"});
  out.sub_resource = k8s::lookup::text(request, {"subResource"});
  out.object = k8s::lookup::member(request, "object");
  out.old_object = k8s::lookup::member(request, "oldObject");
  out.text = std::move(document);
  return out;
}

admission_decision deny(const error& why) {
  auto status = status_of(why.code);
  admission_decision no;
  no.allowed = false;
  no.code = status.code;
  no.reason = status.reason;
  no.message = valid_utf8(std::string_view(why.message).substr(0, max_message_chars));
  return no;
}

std::string print_admission_review(std::string_view uid, const admission_decision& decision) {
  using k8s::json_text;
  std::string out =
      R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":)" +
      json_text(uid) + R"(,"allowed":)" + (decision.allowed ? "true" : "false");
  if (!decision.allowed)
    out += R"(,"status":{"code":)" + std::to_string(decision.code) + R"(,"reason":)" +
           json_text(decision.reason) + R"(,"message":)" + json_text(decision.message) + "}";
  if (!decision.patch.empty())
    out += R"(,"patchType":"JSONPatch","patch":")" + base::to_base64(decision.patch) + '"';
  if (!decision.warnings.empty()) {
    out += R"(,"warnings":[)";
    for (size_t i = 0; i < std::min(decision.warnings.size(), max_warnings); ++i)
      out += (i ? "," : "") + json_text(printable(decision.warnings[i], max_warning_chars));
    out += "]";
  }
  return out + "}}";
}

}  // namespace gkm::op
