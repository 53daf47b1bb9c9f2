#include "k8s/objects/patch.hpp"

#include "messages/printable.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

namespace gkm::k8s {
namespace {

using rapidjson::Value;

std::string print_value(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  value.Accept(out);
  return {buffer.GetString(), buffer.GetSize()};
}

using memory = rapidjson::Document::AllocatorType;

Value owned(std::string_view text, memory& in) {
  auto fit = valid_utf8(text);
  return Value(fit.data(), static_cast<rapidjson::SizeType>(fit.size()), in);
}

std::optional<std::string> with_finalizers(const object& of, std::vector<std::string> wanted) {
  draft d;
  d.set({"metadata", "resourceVersion"}, of.resource_version());
  d.set({"metadata", "finalizers"}, wanted);
  return d.print();
}

// What makes `to` of `from`; null where they are equal.
std::optional<Value> difference(const Value& from, const Value& to, memory& in) {
  if (from == to) return std::nullopt;
  if (!from.IsObject() || !to.IsObject()) return Value(to, in);
  Value patch(rapidjson::kObjectType);
  for (const auto& m : from.GetObject())
    if (!to.HasMember(m.name)) patch.AddMember(Value(m.name, in), Value(), in);
  for (const auto& m : to.GetObject()) {
    auto old = from.FindMember(m.name);
    if (old == from.MemberEnd())
      patch.AddMember(Value(m.name, in), Value(m.value, in), in);
    else if (auto part = difference(old->value, m.value, in))
      patch.AddMember(Value(m.name, in), std::move(*part), in);
  }
  return patch;
}

}  // namespace

struct draft::impl {
  rapidjson::Document root{rapidjson::kObjectType};
};

draft::draft() : impl_(std::make_unique<impl>()) {}
draft::~draft() = default;
draft::draft(draft&&) noexcept = default;
draft& draft::operator=(draft&&) noexcept = default;

draft::draft(const resource& what, const object_key& key) : draft() {
  set({"apiVersion"}, what.api_version());
  set({"kind"}, what.kind);
  set({"metadata", "name"}, key.name);
  if (!key.ns.empty()) set({"metadata", "namespace"}, key.ns);
}

draft::draft(const object& from) : draft() {
  if (from) impl_->root.CopyFrom(from.json(), impl_->root.GetAllocator());
}

Value& draft::at(path where) {
  auto& in = impl_->root.GetAllocator();
  Value* at = &impl_->root;
  for (auto name : where) {
    if (!at->IsObject()) at->SetObject();
    auto key = owned(name, in);
    auto found = at->FindMember(key);
    if (found == at->MemberEnd()) {
      at->AddMember(key, Value(), in);
      found = at->MemberEnd() - 1;
    }
    at = &found->value;
  }
  return *at;
}

draft& draft::set(path where, std::string_view text) {
  at(where) = owned(text, impl_->root.GetAllocator());
  return *this;
}

draft& draft::set(path where, int64_t number) {
  at(where).SetInt64(number);
  return *this;
}

draft& draft::set(path where, bool flag) {
  at(where).SetBool(flag);
  return *this;
}

draft& draft::set(path where, const std::vector<std::string>& texts) {
  auto& in = impl_->root.GetAllocator();
  auto& list = at(where).SetArray();
  for (const auto& text : texts) list.PushBack(owned(text, in), in);
  return *this;
}

draft& draft::set(path where, const std::map<std::string, std::string>& texts) {
  auto& in = impl_->root.GetAllocator();
  auto& all = at(where).SetObject();
  for (const auto& [name, text] : texts) all.AddMember(owned(name, in), owned(text, in), in);
  return *this;
}

draft& draft::set(path where, const std::vector<owner_reference>& owners) {
  auto& in = impl_->root.GetAllocator();
  auto& list = at(where).SetArray();
  for (const auto& o : owners) {
    Value one(rapidjson::kObjectType);
    one.AddMember("apiVersion", owned(o.api_version, in), in);
    one.AddMember("kind", owned(o.kind, in), in);
    one.AddMember("name", owned(o.name, in), in);
    one.AddMember("uid", owned(o.uid, in), in);
    if (o.controller) one.AddMember("controller", true, in);
    list.PushBack(one, in);
  }
  return *this;
}

draft& draft::set(path where, const Value& value) {
  at(where).CopyFrom(value, impl_->root.GetAllocator());
  return *this;
}

draft& draft::clear(path where) {
  at(where).SetNull();
  return *this;
}

draft& draft::erase(path where) {
  Value* at = &impl_->root;
  for (auto part = where.begin(); part != where.end() && at->IsObject(); ++part) {
    auto found = at->FindMember(Value(part->data(), static_cast<rapidjson::SizeType>(part->size()),
                                      impl_->root.GetAllocator()));
    if (found == at->MemberEnd()) break;
    if (part + 1 == where.end()) {
      at->EraseMember(found);
      break;
    }
    at = &found->value;
  }
  return *this;
}

std::string draft::print() const { return print_value(impl_->root); }

json_patch& json_patch::append(std::string_view op, std::string_view pointer,
                               std::string_view json_value) {
  if (!operations_.empty()) operations_ += ',';
  operations_.append("{\"op\":\"").append(op).append("\",\"path\":").append(json_text(pointer));
  if (!json_value.empty()) operations_.append(",\"value\":").append(json_value);
  operations_ += '}';
  return *this;
}

json_patch& json_patch::test(std::string_view pointer, std::string_view json_value) {
  return append("test", pointer, json_value);
}
json_patch& json_patch::add(std::string_view pointer, std::string_view json_value) {
  return append("add", pointer, json_value);
}
json_patch& json_patch::replace(std::string_view pointer, std::string_view json_value) {
  return append("replace", pointer, json_value);
}
json_patch& json_patch::remove(std::string_view pointer) { return append("remove", pointer, {}); }

std::string json_text(std::string_view text) {
  auto fit = valid_utf8(text);
  return print_value(Value(rapidjson::StringRef(fit.data(), fit.size())));
}

std::string pointer_part(std::string_view name) {
  std::string part;
  for (char c : name) {
    if (c == '~')
      part += "~0";
    else if (c == '/')
      part += "~1";
    else
      part += c;
  }
  return part;
}

std::optional<std::string> add_finalizer(const object& to, std::string_view name) {
  auto all = to.finalizers();
  if (std::find(all.begin(), all.end(), name) != all.end()) return std::nullopt;
  all.emplace_back(name);
  return with_finalizers(to, std::move(all));
}

std::optional<std::string> remove_finalizer(const object& from, std::string_view name) {
  auto all = from.finalizers();
  if (std::erase(all, name) == 0) return std::nullopt;
  return with_finalizers(from, std::move(all));
}

std::optional<std::string> merge_difference(const Value& from, const Value& to) {
  memory in;
  auto patch = difference(from, to, in);
  if (!patch) return std::nullopt;
  return print_value(*patch);
}

}  // namespace gkm::k8s
