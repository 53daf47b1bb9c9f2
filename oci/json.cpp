#include "oci/json.hpp"

#include "messages/json/json.hpp"
#include "messages/printable.hpp"

#include <algorithm>

namespace gkm::oci::json {

namespace {

/// At least as many as there are values: a document takes far more memory than its text if it is
/// made of small ones.
size_t values_at_most(std::string_view text) {
  auto opens = [](char c) { return c == ',' || c == ':' || c == '[' || c == '{'; };
  return 1 + static_cast<size_t>(std::count_if(text.begin(), text.end(), opens));
}

}  // namespace

result<void> parse(std::string_view text, std::string_view what, rapidjson::Document& out) {
  if (values_at_most(text) > max_json_values)
    return fail(errc::limit_exceeded, std::string(what) + " has more than " +
                                          std::to_string(max_json_values) + " values, the limit");
  auto document = gkm::json::parse(text);
  if (!document)
    return fail(document.error().code, std::string(what) + " is " + document.error().message);
  if (!document->IsObject())
    return fail(errc::malformed, std::string(what) + " is not a JSON object");
  out = std::move(*document);
  return {};
}

const value* find(const value& object, std::string_view name) {
  if (!object.IsObject()) return nullptr;
  for (auto it = object.MemberEnd(); it != object.MemberBegin();) {
    --it;
    if (view(it->name) == name) return it->value.IsNull() ? nullptr : &it->value;
  }
  return nullptr;
}

std::string_view view(const value& text) { return {text.GetString(), text.GetStringLength()}; }

result<std::string> text(const value& object, std::string_view name, std::string_view path) {
  const auto* member = find(object, name);
  if (!member) return std::string();
  if (!member->IsString()) return bad_field(path, name, "is not a string");
  return std::string(view(*member));
}

result<std::map<std::string, std::string>> texts(const value& object, std::string_view name,
                                                 std::string_view path) {
  std::map<std::string, std::string> out;
  const auto* member = find(object, name);
  if (!member) return out;
  if (!member->IsObject()) return bad_field(path, name, "is not an object");
  for (const auto& entry : member->GetObject()) {
    if (!entry.value.IsString() && !entry.value.IsNull())
      return bad_field(path, name, "has a value that is not a string");
    out[std::string(view(entry.name))] = entry.value.IsNull() ? "" : std::string(view(entry.value));
  }
  return out;
}

result<const value*> array(const value& object, std::string_view name, std::string_view path,
                           size_t max) {
  const auto* member = find(object, name);
  if (!member) return nullptr;
  if (!member->IsArray()) return bad_field(path, name, "is not an array");
  if (member->Size() > max)
    return fail(errc::limit_exceeded, "field '" + std::string(path) + std::string(name) + "' has " +
                                          std::to_string(member->Size()) +
                                          " entries, the limit is " + std::to_string(max));
  return member;
}

tl::unexpected<error> bad_field(std::string_view path, std::string_view name,
                                std::string_view cause) {
  return fail(errc::malformed, "field '" + printable(std::string(path) + std::string(name)) + "' " +
                                   std::string(cause));
}

}  // namespace gkm::oci::json
