#include "k8s/objects/object.hpp"

#include "k8s/objects/time.hpp"
#include "messages/json/json.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

namespace gkm::k8s {
namespace {

using rapidjson::Value;

constexpr size_t first_block_bytes = 1'024;  // of an object's memory; most are a few kilobytes

Value::StringRefType ref(std::string_view text) {
  return Value::StringRefType(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

const Value* member(const Value* of, std::string_view name) {
  if (!of || !of->IsObject()) return nullptr;
  auto at = of->FindMember(Value(ref(name)));
  return at == of->MemberEnd() ? nullptr : &at->value;
}

std::string_view text_of(const Value* v) {
  if (!v || !v->IsString()) return {};
  return {v->GetString(), v->GetStringLength()};
}

error wrong(std::string field, std::string_view what) {
  return {errc::malformed, std::move(field) + " " + std::string(what), {}};
}

result<void> check_text(const Value& metadata, std::string_view name) {
  const auto* v = member(&metadata, name);
  if (v && !v->IsString() && !v->IsNull())
    return fail(wrong("metadata." + std::string(name), "must be a string"));
  return {};
}

result<void> check_texts(const Value& metadata, std::string_view name) {
  const auto* v = member(&metadata, name);
  auto field = "metadata." + std::string(name);
  if (!v || v->IsNull()) return {};
  if (!v->IsObject()) return fail(wrong(field, "must be an object"));
  for (const auto& m : v->GetObject())
    if (!m.value.IsString()) return fail(wrong(field, "must hold strings only"));
  return {};
}

result<void> check_time(const Value& metadata, std::string_view name) {
  const auto* v = member(&metadata, name);
  if (v && !v->IsNull() && !parse_time(text_of(v)))
    return fail(wrong("metadata." + std::string(name), "must be a time"));
  return {};
}

result<void> check_finalizers(const Value& metadata) {
  const auto* v = member(&metadata, "finalizers");
  if (!v || v->IsNull()) return {};
  bool fine =
      v->IsArray() && std::all_of(v->Begin(), v->End(), [](auto& f) { return f.IsString(); });
  if (!fine) return fail(wrong("metadata.finalizers", "must be an array of strings"));
  return {};
}

result<void> check_metadata(const Value& metadata) {
  if (!metadata.IsObject()) return fail(wrong("metadata", "must be an object"));
  for (auto name : {"name", "namespace", "uid", "resourceVersion"})
    if (auto fine = check_text(metadata, name); !fine) return fine;
  if (text_of(member(&metadata, "name")).empty()) return fail(wrong("metadata.name", "is missing"));
  for (auto name : {"labels", "annotations"})
    if (auto fine = check_texts(metadata, name); !fine) return fine;
  for (auto name : {"creationTimestamp", "deletionTimestamp"})
    if (auto fine = check_time(metadata, name); !fine) return fine;
  return check_finalizers(metadata);
}

std::map<std::string, std::string> texts_of(const Value* v) {
  std::map<std::string, std::string> all;
  if (v && v->IsObject())
    for (const auto& m : v->GetObject())
      all.emplace(std::string(text_of(&m.name)), std::string(text_of(&m.value)));
  return all;
}

}  // namespace

struct object::data {
  rapidjson::MemoryPoolAllocator<> memory{first_block_bytes};
  Value root;
};

result<object> object::parse(std::string_view json) {
  auto document = gkm::json::parse(json);
  if (!document) return fail(document.error());
  return copy(*document);
}

result<object> object::copy(const Value& value) {
  if (!value.IsObject()) return fail(wrong("the object", "must be a JSON object"));
  const auto* metadata = member(&value, "metadata");
  if (!metadata) return fail(wrong("metadata", "is missing"));
  if (auto fine = check_metadata(*metadata); !fine) return fail(fine.error());
  auto made = std::make_shared<data>();
  made->root.CopyFrom(value, made->memory);
  made->root["metadata"].RemoveMember("managedFields");
  object o;
  o.data_ = std::move(made);
  return o;
}

const Value* object::find(path where) const {
  const Value* at = data_ ? &data_->root : nullptr;
  for (auto name : where) at = member(at, name);
  return at;
}

std::string_view object::text(path where) const { return text_of(find(where)); }

int64_t object::integer(path where) const {
  const auto* v = find(where);
  return v && v->IsInt64() ? v->GetInt64() : 0;
}

bool object::boolean(path where) const {
  const auto* v = find(where);
  return v && v->IsBool() && v->GetBool();
}

std::string_view object::api_version() const { return text({"apiVersion"}); }
std::string_view object::kind() const { return text({"kind"}); }
std::string_view object::ns() const { return text({"metadata", "namespace"}); }
std::string_view object::name() const { return text({"metadata", "name"}); }
std::string_view object::uid() const { return text({"metadata", "uid"}); }
std::string_view object::resource_version() const { return text({"metadata", "resourceVersion"}); }
object_key object::key() const { return {std::string(ns()), std::string(name())}; }
int64_t object::generation() const { return integer({"metadata", "generation"}); }

int64_t object::created_unix_s() const {
  return parse_time(text({"metadata", "creationTimestamp"})).value_or(0);
}

int64_t object::deleted_unix_s() const {
  return parse_time(text({"metadata", "deletionTimestamp"})).value_or(0);
}

std::map<std::string, std::string> object::labels() const {
  return texts_of(find({"metadata", "labels"}));
}

std::map<std::string, std::string> object::annotations() const {
  return texts_of(find({"metadata", "annotations"}));
}

std::string_view object::label(std::string_view name) const {
  return text({"metadata", "labels", name});
}

std::string_view object::annotation(std::string_view name) const {
  return text({"metadata", "annotations", name});
}

std::vector<std::string> object::finalizers() const {
  std::vector<std::string> all;
  const auto* v = find({"metadata", "finalizers"});
  if (v && v->IsArray())
    for (const auto& f : v->GetArray()) all.emplace_back(text_of(&f));
  return all;
}

bool object::has_finalizer(std::string_view name) const {
  auto all = finalizers();
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::vector<owner_reference> object::owners() const {
  std::vector<owner_reference> all;
  const auto* v = find({"metadata", "ownerReferences"});
  if (!v || !v->IsArray()) return all;
  for (const auto& o : v->GetArray()) {
    auto text = [&](std::string_view name) { return std::string(text_of(member(&o, name))); };
    const auto* controls = member(&o, "controller");
    all.push_back({text("apiVersion"), text("kind"), text("name"), text("uid"),
                   controls && controls->IsBool() && controls->GetBool()});
  }
  return all;
}

const Value& object::json() const { return data_->root; }

std::string object::print() const {
  if (!data_) return "null";
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  data_->root.Accept(out);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace gkm::k8s
