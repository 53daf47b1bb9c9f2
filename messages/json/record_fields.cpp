#include "messages/json/record_fields.hpp"

namespace gkm::records {

std::string bounded(std::string_view text) { return printable(text, max_record_text_chars); }

void put(writer& out, const char* name, const std::string& value) {
  out.Key(name);
  out.String(valid_utf8(value));
}
void put_some(writer& out, const char* name, const std::string& value) {
  if (!value.empty()) put(out, name, value);
}
void put(writer& out, const char* name, uint64_t value) {
  out.Key(name);
  out.Uint64(value);
}
void put_some(writer& out, const char* name, uint64_t value) {
  if (value) put(out, name, value);
}
void put(writer& out, const char* name, int64_t value) {
  out.Key(name);
  out.Int64(value);
}
void put(writer& out, const char* name, bool value) {
  out.Key(name);
  out.Bool(value);
}
void put(writer& out, const char* name, const std::vector<std::string>& values) {
  out.Key(name);
  out.StartArray();
  for (const auto& v : values) out.String(valid_utf8(v));
  out.EndArray();
}

digest read_digest(json::reader& in, const char* name, bool required) {
  auto text = required ? in.text(name) : in.text_or(name);
  if (text.empty() && !required) return {};
  auto d = digest::parse(text);
  if (!d) in.reject(name, "is no digest");
  return d.value_or(digest{});
}

void put_version(writer& out) { put(out, "version", int64_t{record_version}); }

void check_version(json::reader& in) {
  if (in.integer("version") < 1) in.reject("version", "must be 1 or more");
}

void put_ref(writer& out, const cache_ref& ref) {
  put(out, "kind", std::string(ref.kind()));
  put_some(out, "namespace", ref.ns);
  put(out, "name", ref.name);
}

cache_ref read_ref(json::reader& in) {
  auto ref = cache_ref::make(in.text_or("namespace"), in.text("name"));
  if (!ref) {
    in.reject("name", "is not valid");
    return {};
  }
  if (in.text("kind") != ref->kind()) in.reject("kind", "does not fit the namespace");
  return *ref;
}

}  // namespace gkm::records
