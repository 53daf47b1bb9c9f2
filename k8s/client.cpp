#include "k8s/client.hpp"

#include "k8s/connection.hpp"
#include "k8s/lister.hpp"
#include "k8s/objects/patch.hpp"

namespace gkm::k8s {
namespace {

std::string step(std::string_view verb, const resource& what, const object_key& key) {
  return "Failed to " + std::string(verb) + " " + std::string(what.kind) + " '" + key.str() + "'";
}

answer<std::string> parsed(std::string step, answer<object> reply) {
  return [step = std::move(step), reply = std::move(reply)](const result<std::string>& body) {
    if (!body) return reply(fail(body.error()));
    auto o = object::parse(*body);
    reply(o ? std::move(o) : wrap(o.error(), step + ": the answer"));
  };
}

std::string_view name_of(propagation p) {
  switch (p) {
    case propagation::unset:
      return "";
    case propagation::background:
      return "Background";
    case propagation::foreground:
      return "Foreground";
    case propagation::orphan:
      return "Orphan";
  }
  return "";
}

// A Status means that it is gone; the object, that somebody has to let go of it first.
result<bool> is_gone(const std::string& body) {
  auto o = object::parse(body);
  return !o || o->kind() == "Status" || !o->is_deleting();
}

}  // namespace

client::client(config where, client_options options)
    : connection_(std::make_shared<connection>(std::move(where), std::move(options))) {}

client::~client() { connection_->close(); }

const config& client::where() const { return connection_->where(); }

void client::after(std::chrono::milliseconds pause, std::function<void()> job) {
  connection_->after(pause, std::move(job));
}

void client::get(const resource& what, const object_key& key, answer<object> reply) {
  auto s = step("get", what, key);
  connection_->send({s, "GET", what.path(key)}, parsed(s, std::move(reply)));
}

void client::list(const resource& what, const selection& which, answer<object_list> reply) {
  // Those of all Secrets at once are large, and nothing to keep: who needs one asks for it.
  bool is_secret = what.plural == secrets.plural;
  lister::start(connection_, what, which, std::move(reply),
                is_secret ? lister::keeping::no_data : lister::keeping::everything);
}

void client::create(const resource& what, const std::string& ns, std::string body,
                    answer<object> reply) {
  auto s = "Failed to create " + std::string(what.kind) + (ns.empty() ? "" : " in '" + ns + "'");
  connection_->send({s, "POST", what.collection(ns), "application/json", std::move(body), false},
                    parsed(s, std::move(reply)));
}

void client::update(const resource& what, const object_key& key, std::string body,
                    answer<object> reply, std::string_view subresource) {
  auto s = step("update", what, key);
  connection_->send({s, "PUT", what.path(key, subresource), "application/json", std::move(body)},
                    parsed(s, std::move(reply)));
}

void client::apply(const resource& what, const object_key& key, std::string body,
                   const apply_options& options, answer<object> reply,
                   std::string_view subresource) {
  auto s = step("apply", what, key);
  query q;
  q.add("fieldManager", options.field_manager).add("force", options.force ? "true" : "");
  connection_->send({s, "PATCH", what.path(key, subresource) + q.str(),
                     "application/apply-patch+yaml", std::move(body)},
                    parsed(s, std::move(reply)));
}

void client::merge_patch(const resource& what, const object_key& key, std::string body,
                         answer<object> reply, std::string_view subresource) {
  auto s = step("patch", what, key);
  connection_->send(
      {s, "PATCH", what.path(key, subresource), "application/merge-patch+json", std::move(body)},
      parsed(s, std::move(reply)));
}

void client::patch(const resource& what, const object_key& key, std::string json_patch,
                   answer<object> reply, std::string_view subresource) {
  auto s = step("patch", what, key);
  connection_->send({s, "PATCH", what.path(key, subresource), "application/json-patch+json",
                     std::move(json_patch), false},
                    parsed(s, std::move(reply)));
}

void client::remove(const resource& what, const object_key& key, const delete_options& options,
                    answer<bool> reply) {
  draft body;
  body.set({"apiVersion"}, "v1").set({"kind"}, "DeleteOptions");
  if (!options.uid.empty()) body.set({"preconditions", "uid"}, options.uid);
  if (!options.resource_version.empty())
    body.set({"preconditions", "resourceVersion"}, options.resource_version);
  if (options.children != propagation::unset)
    body.set({"propagationPolicy"}, name_of(options.children));
  connection_->send(
      {step("delete", what, key), "DELETE", what.path(key), "application/json", body.print()},
      [reply = std::move(reply)](const result<std::string>& answered) {
        if (!answered) return reply(fail(answered.error()));
        reply(is_gone(*answered));
      });
}

void client::get_text(const std::string& path, answer<std::string> reply) {
  connection_->send({"Failed to get '" + path + "'", "GET", path}, std::move(reply));
}

}  // namespace gkm::k8s
