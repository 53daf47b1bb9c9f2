#include "oci/json.hpp"

#include "messages/printable.hpp"

#include <rapidjson/error/en.h>

namespace gkm::oci::json {
namespace {

bool is_too_deep(std::string_view text) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

result<void> parse(std::string_view text, std::string_view what, rapidjson::Document& out) {
  if (is_too_deep(text))
    return fail(errc::malformed, std::string(what) + " is nested more than " +
                                     std::to_string(max_depth) + " levels deep");
  // The iterative parser needs no call stack; the depth limit above bounds its own.
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  out.Parse<flags>(text.data(), text.size());
  if (out.HasParseError())
    return fail(errc::malformed, std::string(what) + " is not valid JSON: " +
                                     rapidjson::GetParseError_En(out.GetParseError()) +
                                     " At byte " + std::to_string(out.GetErrorOffset()));
  if (!out.IsObject()) return fail(errc::malformed, std::string(what) + " is not a JSON object");
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
