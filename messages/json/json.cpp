#include "messages/json/json.hpp"

#include "messages/printable.hpp"

#include <rapidjson/error/en.h>

#include <algorithm>

namespace gkm::json {
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

result<rapidjson::Document> parse(std::string_view text) {
  if (is_too_deep(text))
    return fail(errc::malformed, "nested more than " + std::to_string(max_depth) + " levels deep");
  // The iterative parser needs no call stack; the depth limit above bounds its own.
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
      text.data(), text.size());
  if (!document.HasParseError()) return document;
  std::string cause = rapidjson::GetParseError_En(document.GetParseError());
  if (cause.ends_with('.')) cause.pop_back();
  return fail(errc::malformed,
              "not valid JSON at byte " + std::to_string(document.GetErrorOffset()) + ": " + cause);
}

reader::reader(const rapidjson::Value& value, std::string path, error& problem)
    : value_(&value), path_(std::move(path)), problem_(&problem) {
  if (value.IsObject() || !ok()) return;
  problem = {errc::malformed, (path_.empty() ? "the document" : path_) + " must be an object", {}};
}

bool reader::has(const char* name) const { return value_->IsObject() && value_->HasMember(name); }

void reader::reject(const char* name, std::string_view what, errc code) {
  if (!ok()) return;
  *problem_ = {code, path_to(name) + " " + std::string(what), {}};
}

std::string reader::path_to(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

const rapidjson::Value* reader::find(const char* name, bool required) {
  if (!value_->IsObject()) return nullptr;
  auto it = value_->FindMember(name);
  bool there = it != value_->MemberEnd() && !it->value.IsNull();
  if (!there && required) reject(name, "is missing");
  return there ? &it->value : nullptr;
}

void reader::require(const char* name) { find(name, true); }

std::string reader::text(const char* name) {
  require(name);
  return text_or(name);
}

std::string reader::text_or(const char* name, std::string fallback) {
  const auto* v = find(name, false);
  if (!v) return fallback;
  if (v->IsString()) return {v->GetString(), v->GetStringLength()};
  reject(name, "must be a string");
  return fallback;
}

std::string reader::plain(const char* name) {
  require(name);
  return plain_or(name);
}

std::string reader::plain_or(const char* name, std::string fallback) {
  auto text = text_or(name, std::move(fallback));
  auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), is_control)) reject(name, "has control characters");
  return text;
}

uint64_t reader::number(const char* name, uint64_t at_most) {
  require(name);
  return number_or(name, 0, at_most);
}

uint64_t reader::number_or(const char* name, uint64_t fallback, uint64_t at_most) {
  const auto* v = find(name, false);
  if (!v) return fallback;
  if (v->IsUint64() && v->GetUint64() <= at_most) return v->GetUint64();
  reject(name, at_most == UINT64_MAX ? "must be a non-negative integer"
                                     : "must be an integer from 0 to " + std::to_string(at_most));
  return fallback;
}

int64_t reader::integer(const char* name) {
  require(name);
  return integer_or(name);
}

int64_t reader::integer_or(const char* name, int64_t fallback) {
  const auto* v = find(name, false);
  if (!v) return fallback;
  if (v->IsInt64()) return v->GetInt64();
  reject(name, "must be an integer");
  return fallback;
}

bool reader::boolean_or(const char* name, bool fallback) {
  const auto* v = find(name, false);
  if (!v) return fallback;
  if (v->IsBool()) return v->GetBool();
  reject(name, "must be true or false");
  return fallback;
}

const rapidjson::Value* reader::find_array(const char* name, size_t limit) {
  const auto* v = find(name, false);
  if (!v) return nullptr;
  if (!v->IsArray()) {
    reject(name, "must be an array");
    return nullptr;
  }
  if (v->Size() > limit) {
    reject(name, "has more than " + std::to_string(limit) + " elements", errc::limit_exceeded);
    return nullptr;
  }
  return v;
}

void reader::each_object(const char* name, size_t limit, const std::function<void(reader)>& f) {
  const auto* v = find_array(name, limit);
  if (!v) return;
  auto prefix = path_to(name);
  for (rapidjson::SizeType i = 0; i < v->Size() && ok(); ++i) {
    reader element((*v)[i], prefix + "[" + std::to_string(i) + "]", *problem_);
    if (ok()) f(element);
  }
}

void reader::each_text(const char* name, size_t limit, const std::function<void(std::string)>& f) {
  const auto* v = find_array(name, limit);
  if (!v) return;
  for (const auto& element : v->GetArray()) {
    if (!element.IsString()) return reject(name, "must hold strings only");
    f({element.GetString(), element.GetStringLength()});
  }
}

void reader::each_integer(const char* name, size_t limit, const std::function<void(int64_t)>& f) {
  const auto* v = find_array(name, limit);
  if (!v) return;
  for (const auto& element : v->GetArray()) {
    if (!element.IsInt64()) return reject(name, "must hold integers only");
    f(element.GetInt64());
  }
}

bool reader::has_members(size_t limit) {
  if (!ok() || !value_->IsObject()) return false;
  if (value_->MemberCount() <= limit) return true;
  *problem_ = {
      errc::limit_exceeded, path_ + " has more than " + std::to_string(limit) + " members", {}};
  return false;
}

void reader::each_member(size_t limit, const std::function<void(std::string, reader)>& f) {
  if (!has_members(limit)) return;
  for (const auto& m : value_->GetObject()) {
    std::string key(m.name.GetString(), m.name.GetStringLength());
    reader element(m.value, path_to(printable(key)), *problem_);
    if (!ok()) return;
    f(std::move(key), element);
  }
}

void reader::each_text_member(size_t limit,
                              const std::function<void(std::string, std::string)>& f) {
  if (!has_members(limit)) return;
  for (const auto& m : value_->GetObject()) {
    std::string key(m.name.GetString(), m.name.GetStringLength());
    if (!m.value.IsString()) return reject(printable(key).c_str(), "must be a string");
    f(std::move(key), {m.value.GetString(), m.value.GetStringLength()});
  }
}

void reader::object(const char* name, const std::function<void(reader)>& f) {
  const auto* v = find(name, false);
  if (!v) return;
  reader inner(*v, path_to(name), *problem_);
  if (ok()) f(inner);
}

}  // namespace gkm::json
