#include "k8s/connection.hpp"
#include "messages/json/json.hpp"
#include "messages/printable.hpp"

namespace gkm::k8s {
namespace {

constexpr size_t max_message_chars = 1'024;

errc code_for(int status) {
  switch (status) {
    case 400:
    case 405:
    case 413:
    case 415:
    case 422:
      return errc::invalid_argument;
    case 401:
    case 403:
      return errc::unauthorized;
    case 404:
      return errc::not_found;
    case 409:
      return errc::conflict;
    case 410:
      return errc::expired;
    default:
      return errc::unavailable;
  }
}

std::string message_of(const rapidjson::Value& status) {
  if (!status.IsObject()) return {};
  auto at = status.FindMember("message");
  return at != status.MemberEnd() && at->value.IsString() ? at->value.GetString() : std::string();
}

error make(int code, const std::string& message) {
  auto text = "the API server answered " + std::to_string(code);
  if (!message.empty()) text += ": " + printable(message, max_message_chars);
  return {code_for(code), text, {}};
}

}  // namespace

error status_error(const net::response_head& head, const std::string& body) {
  auto document = json::parse(body);
  auto e = make(head.status, document ? message_of(*document) : body);
  e.retry_after = head.retry_after().value_or(std::chrono::seconds{0});
  return e;
}

error status_error(int code, const rapidjson::Value& status) {
  return make(code, message_of(status));
}

query& query::add(std::string_view name, std::string_view value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view marks = "-._~";
  if (value.empty()) return *this;
  if (!text_.empty()) text_ += '&';
  text_.append(name) += '=';
  for (char c : value) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 marks.find(c) != std::string_view::npos;
    auto byte = static_cast<unsigned char>(c);
    if (plain)
      text_ += c;
    else
      (text_ += '%').append({digits[byte >> 4], digits[byte & 15]});
  }
  return *this;
}

}  // namespace gkm::k8s
