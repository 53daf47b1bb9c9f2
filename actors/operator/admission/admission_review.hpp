/// What an API server asks of a webhook, and what it is answered: admission.k8s.io/v1, nothing
/// else.
#pragma once

#include "messages/errors.hpp"

#include <rapidjson/fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::op {

enum class admission_operation : uint8_t { create, update, other };

/// Copies share one parsed text, which lives as long as one of them.
struct admission_request {
  std::string uid;
  admission_operation operation = admission_operation::other;
  std::string user;
  std::string ns;            ///< empty for what has none
  std::string sub_resource;  ///< "status"; empty for the object itself
  const rapidjson::Value* object = nullptr;
  const rapidjson::Value* old_object = nullptr;
  std::shared_ptr<const rapidjson::Document> text;
};

/// Values in a review (messages/json/json_values.hpp says what they cost). A pod of the most bytes
/// that an API server takes has half as many. Short reviews have fewer, in proportion, so that many
/// of them at a time cost no more.
inline constexpr size_t review_values_max = 400'000;
size_t review_values_of(size_t bytes);

/// `errc::malformed` names what is wrong, errc::limit_exceeded that there are too many values.
/// Everything in `object` and `old_object` is the asker's.
result<admission_request> parse_admission_review(std::string_view json);

struct admission_decision {
  bool allowed = true;
  int code = 0;                       ///< of a denial: the HTTP status that the user's request gets
  std::string reason;                 ///< of a denial: Kubernetes' word for that status
  std::string message;                ///< of a denial: for people
  std::string patch;                  ///< RFC 6902; empty: nothing is changed
  std::vector<std::string> warnings;  ///< that kubectl shows

  bool operator==(const admission_decision&) const = default;
};

/// A denial of the kind that `why` is of, with its text.
admission_decision deny(const error& why);

std::string print_admission_review(std::string_view uid, const admission_decision& decision);

}  // namespace gkm::op
