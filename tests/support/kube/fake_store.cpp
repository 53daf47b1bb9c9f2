#include "tests/support/kube/fake_store.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <sstream>

namespace gkm::support {
namespace {

using rapidjson::Document;
using rapidjson::Value;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

const Value* member(const Value* of, const std::string& name) {
  if (!of || !of->IsObject()) return nullptr;
  auto at = of->FindMember(name.c_str());
  return at == of->MemberEnd() ? nullptr : &at->value;
}

std::string text_at(const Value* of, std::initializer_list<const char*> path) {
  for (const auto* name : path) of = member(of, name);
  return of && of->IsString() ? of->GetString() : "";
}

Value& make_member(Document& in, Value& of, const char* name) {
  if (!of.HasMember(name)) of.AddMember(Value(name, in.GetAllocator()), Value(), in.GetAllocator());
  return of[name];
}

void set_text(Document& d, const char* name, const std::string& text) {
  auto& metadata = make_member(d, d, "metadata");
  if (!metadata.IsObject()) metadata.SetObject();
  make_member(d, metadata, name).SetString(text, d.GetAllocator());
}

Document copy(const json_document& of) {
  Document d;
  d.CopyFrom(*of, d.GetAllocator());
  return d;
}

void take_member(Document& into, const Value* from, const char* name) {
  into.RemoveMember(name);
  if (const auto* kept = member(from, name))
    into.AddMember(Value(name, into.GetAllocator()), Value(*kept, into.GetAllocator()),
                   into.GetAllocator());
}

void merge_into(Document& in, Value& target, const Value& patch) {
  if (!patch.IsObject()) {
    target.CopyFrom(patch, in.GetAllocator());
    return;
  }
  if (!target.IsObject()) target.SetObject();
  for (const auto& m : patch.GetObject()) {
    if (m.value.IsNull())
      target.RemoveMember(m.name);
    else
      merge_into(in, make_member(in, target, m.name.GetString()), m.value);
  }
}

bool has_finalizers(const Value& object) {
  const auto* list = member(member(&object, "metadata"), "finalizers");
  return list && list->IsArray() && !list->Empty();
}

bool same(const Value* a, const Value* b) { return (a && b) ? *a == *b : a == b; }

bool all_equal(const std::string& selector, const Value* of, bool is_path) {
  for (const auto& term : split(selector, ',')) {
    auto equals = term.find('=');
    auto name = term.substr(0, equals);
    const auto* at = of;
    for (const auto& part : is_path ? split(name, '.') : std::vector<std::string>{name})
      at = member(at, part);
    if (!at || !at->IsString() || at->GetString() != term.substr(equals + 1)) return false;
  }
  return true;
}

store_answer refuse(int code, const std::string& reason, const std::string& message) {
  return {code, make_status(code, reason, message)};
}

store_answer missing(const api_path& at) {
  return refuse(404, "NotFound", "\"" + at.name + "\" not found");
}

store_answer stale() {
  return refuse(409, "Conflict",
                "the object has been modified; please apply your changes to the "
                "latest version and try again");
}

}  // namespace

std::optional<api_path> api_path::parse(const std::string& path) {
  auto parts = split(path, '/');
  size_t head = !parts.empty() && parts[0] == "api" ? 2 : 3;
  if (parts.size() <= head) return std::nullopt;
  api_path p;
  for (size_t i = 0; i < head; ++i) p.collection += "/" + parts[i];
  auto at = head;
  if (parts[at] == "namespaces" && parts.size() >= at + 3) {
    p.ns = parts[at + 1];
    at += 2;
  }
  p.collection += "/" + parts[at++];
  if (at < parts.size()) p.name = parts[at++];
  if (at < parts.size()) p.subresource = parts[at++];
  return p;
}

bool store_selection::matches(const json_document& object) const {
  if (!object) return false;
  if (!ns.empty() && text_at(object.get(), {"metadata", "namespace"}) != ns) return false;
  return all_equal(label_selector, member(member(object.get(), "metadata"), "labels"), false) &&
         all_equal(field_selector, object.get(), true);
}

json_document fake_store::find(const api_path& at) const {
  auto all = objects_.find(at.collection);
  if (all == objects_.end()) return nullptr;
  auto one = all->second.find({at.ns, at.name});
  return one == all->second.end() ? nullptr : one->second;
}

store_answer fake_store::get(const api_path& at) const {
  auto found = find(at);
  return found ? store_answer{200, found} : missing(at);
}

store_answer fake_store::create(const api_path& in, const std::string& body) {
  Document next;
  if (next.Parse(body).HasParseError()) return refuse(400, "BadRequest", "invalid JSON");
  auto at = in;
  at.name = text_at(&next, {"metadata", "name"});
  if (at.name.empty()) return refuse(422, "Invalid", "metadata.name: Required value");
  if (find(at)) return refuse(409, "AlreadyExists", "\"" + at.name + "\" already exists");
  set_text(next, "uid", "uid-" + std::to_string(++uids_));
  set_text(next, "creationTimestamp", "2025-11-03T09:30:00Z");
  auto made = put(at, std::move(next), nullptr);
  made.status = 201;
  return made;
}

store_answer fake_store::replace(const api_path& at, const std::string& body) {
  auto before = find(at);
  if (!before) return missing(at);
  Document next;
  if (next.Parse(body).HasParseError()) return refuse(400, "BadRequest", "invalid JSON");
  return put(at, std::move(next), before);
}

store_answer fake_store::merge(const api_path& at, const std::string& body, bool create_it) {
  Document patch;
  if (patch.Parse(body).HasParseError()) return refuse(400, "BadRequest", "invalid JSON");
  auto before = find(at);
  if (!before) return create_it && at.subresource.empty() ? create(at, body) : missing(at);
  auto next = copy(before);
  merge_into(next, next, patch);
  return put(at, std::move(next), before);
}

store_answer fake_store::put(const api_path& at, Document next, const json_document& before) {
  if (!at.ns.empty()) set_text(next, "namespace", at.ns);
  if (before) {
    auto said = text_at(&next, {"metadata", "resourceVersion"});
    if (!said.empty() && said != text_at(before.get(), {"metadata", "resourceVersion"}))
      return stale();
    // A status goes through its sub-resource, and nothing else does.
    if (at.subresource == "status") {
      auto only_status = copy(before);
      take_member(only_status, &next, "status");
      next = std::move(only_status);
    } else {
      take_member(next, before.get(), "status");
    }
    set_text(next, "uid", text_at(before.get(), {"metadata", "uid"}));
    set_text(next, "resourceVersion", text_at(before.get(), {"metadata", "resourceVersion"}));
    if (*before == next) return {200, before};
  }
  auto& generation = make_member(next, next["metadata"], "generation");
  bool spec_stays = before && same(member(before.get(), "spec"), member(&next, "spec"));
  auto old = generation.IsInt64() ? generation.GetInt64() : 0;
  generation.SetInt64(spec_stays ? old : old + 1);
  bool deleting = before && !text_at(&next, {"metadata", "deletionTimestamp"}).empty();
  auto stored = std::make_shared<Document>(std::move(next));
  if (deleting && !has_finalizers(*stored)) return drop(at, stored);
  set_text(*stored, "resourceVersion", std::to_string(++version_));
  objects_[at.collection][{at.ns, at.name}] = stored;
  history_.push_back({version_, at.collection, before, stored});
  return {200, stored};
}

store_answer fake_store::drop(const api_path& at, const json_document& before) {
  auto last = copy(before);
  set_text(last, "resourceVersion", std::to_string(++version_));
  auto gone = std::make_shared<const Document>(std::move(last));
  objects_[at.collection].erase({at.ns, at.name});
  history_.push_back({version_, at.collection, gone, nullptr});
  return {200, gone};
}

store_answer fake_store::remove(const api_path& at, const std::string& delete_options) {
  auto before = find(at);
  if (!before) return missing(at);
  Document options;
  options.Parse(delete_options);
  const auto* wanted = options.HasParseError() ? nullptr : member(&options, "preconditions");
  for (const auto* name : {"uid", "resourceVersion"}) {
    auto said = text_at(wanted, {name});
    if (!said.empty() && said != text_at(before.get(), {"metadata", name})) return stale();
  }
  if (!has_finalizers(*before)) {
    drop(at, before);
    return {200, make_status(200, "", "")};
  }
  auto next = copy(before);
  set_text(next, "deletionTimestamp", "2025-11-03T09:31:00Z");
  return put({at.collection, at.ns, at.name, ""}, std::move(next), before);
}

std::vector<json_document> fake_store::list(const store_selection& which) const {
  std::vector<json_document> found;
  auto all = objects_.find(which.collection);
  if (all == objects_.end()) return found;
  for (const auto& [name, object] : all->second)
    if (which.matches(object)) found.push_back(object);
  return found;
}

std::optional<std::vector<store_event>> fake_store::since(uint64_t version) const {
  if (version < forgotten_) return std::nullopt;
  std::vector<store_event> later;
  for (const auto& e : history_)
    if (e.version > version) later.push_back(e);
  return later;
}

void fake_store::forget_history() {
  history_.clear();
  forgotten_ = ++version_;
}

std::string print_json(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> out(buffer);
  value.Accept(out);
  return buffer.GetString();
}

json_document make_status(int code, const std::string& reason, const std::string& message) {
  auto d = std::make_shared<Document>(rapidjson::kObjectType);
  auto text = [&](const std::string& t) { return Value(t, d->GetAllocator()); };
  auto& in = d->GetAllocator();
  d->AddMember("kind", "Status", in).AddMember("apiVersion", "v1", in);
  d->AddMember("metadata", Value(rapidjson::kObjectType), in);
  d->AddMember("status", code < 300 ? "Success" : "Failure", in);
  d->AddMember("message", text(message), in).AddMember("reason", text(reason), in);
  d->AddMember("code", code, in);
  return d;
}

}  // namespace gkm::support
