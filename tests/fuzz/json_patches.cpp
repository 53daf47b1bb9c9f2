#include "tests/fuzz/json_patches.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <charconv>
#include <vector>

namespace gkm::fuzz {
namespace {

using rapidjson::Document;
using rapidjson::Value;
using memory = Document::AllocatorType;

Document parsed(std::string_view text) {
  Document d;
  d.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
  return d;
}

std::string printed(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  value.Accept(out);
  return {buffer.GetString(), buffer.GetSize()};
}

void merge(Value& into, const Value& patch, memory& in) {
  if (!patch.IsObject()) return void(into.CopyFrom(patch, in));
  if (!into.IsObject()) into.SetObject();
  for (const auto& m : patch.GetObject()) {
    auto at = into.FindMember(m.name);
    if (m.value.IsNull()) {
      if (at != into.MemberEnd()) into.EraseMember(at);
    } else if (at != into.MemberEnd()) {
      merge(at->value, m.value, in);
    } else {
      Value made;
      merge(made, m.value, in);
      into.AddMember(Value(m.name, in), made, in);
    }
  }
}

std::vector<std::string> parts_of(std::string_view pointer) {
  std::vector<std::string> parts;
  for (char c : pointer) {
    if (c == '/')
      parts.emplace_back();
    else if (!parts.empty())
      parts.back() += c;
  }
  for (auto& part : parts)
    for (auto at = part.find('~'); at != part.npos && at + 1 < part.size();
         at = part.find('~', at + 1))
      part.replace(at, 2, part[at + 1] == '1' ? "/" : "~");
  return parts;
}

std::optional<rapidjson::SizeType> index_in(const Value& array, const std::string& part) {
  rapidjson::SizeType i = 0;
  auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), i);
  if (failed != std::errc() || end != part.data() + part.size() || i >= array.Size())
    return std::nullopt;
  return i;
}

Value* find(Value& in, const std::string& part) {
  if (in.IsObject()) {
    auto at = in.FindMember(
        Value(rapidjson::StringRef(part.data(), static_cast<rapidjson::SizeType>(part.size()))));
    return at == in.MemberEnd() ? nullptr : &at->value;
  }
  if (!in.IsArray()) return nullptr;
  auto i = index_in(in, part);
  return i ? &in[*i] : nullptr;
}

bool apply(Document& document, const Value& operation) {
  auto& in = document.GetAllocator();
  const std::string op = operation["op"].GetString();
  auto parts = parts_of(operation["path"].GetString());
  if (parts.empty()) return false;
  Value* parent = &document;
  for (size_t i = 0; i + 1 < parts.size() && parent; ++i) parent = find(*parent, parts[i]);
  if (!parent) return false;
  const auto& last = parts.back();
  if (op == "add" && parent->IsArray() && last == "-") {
    parent->PushBack(Value(operation["value"], in), in);
    return true;
  }
  auto* there = find(*parent, last);
  if (op == "add" && parent->IsObject() && !there) {
    Value name(last.data(), static_cast<rapidjson::SizeType>(last.size()), in);
    parent->AddMember(name, Value(operation["value"], in), in);
    return true;
  }
  if (!there || (op != "replace" && !(op == "add" && parent->IsObject()))) return false;
  there->CopyFrom(operation["value"], in);
  return true;
}

}  // namespace

std::string apply_merge_patch(std::string_view document, std::string_view patch) {
  auto into = parsed(document);
  merge(into, parsed(patch), into.GetAllocator());
  return printed(into);
}

std::optional<std::string> apply_json_patch(std::string_view document, std::string_view patch) {
  auto into = parsed(document);
  auto operations = parsed(patch);
  if (!operations.IsArray()) return std::nullopt;
  for (const auto& operation : operations.GetArray())
    if (!apply(into, operation)) return std::nullopt;
  return printed(into);
}

bool is_same_json(std::string_view a, std::string_view b) { return parsed(a) == parsed(b); }

}  // namespace gkm::fuzz
