#include "actors/operator/operator_watch.hpp"

#include "base/program/log.hpp"
#include "k8s/objects/time.hpp"
#include "k8s/objects/types.hpp"
#include "messages/names.hpp"

#include <rapidjson/document.h>

namespace gkm::op {
namespace log = base::log;
namespace {

/// Caches of both kinds, reports of both kinds, nodes, namespaces, the configuration.
constexpr size_t watches = 7;

std::string_view member(const rapidjson::Value& object, const char* name) {
  auto at = object.FindMember(name);
  if (at == object.MemberEnd() || !at->value.IsString()) return {};
  return {at->value.GetString(), at->value.GetStringLength()};
}

void log_unreadable(const k8s::resource& what, const k8s::object& o, const error& e) {
  log::warn("Cannot read an object",
            {{"kind", what.kind}, {"object", o.key().str()}, {"error", e.message}});
}

k8s::selection by_field(std::string ns, std::string selector) {
  k8s::selection which;
  which.ns = std::move(ns);
  which.field_selector = std::move(selector);
  return which;
}

cache_ref ref_of(const k8s::object_key& key) { return {key.ns, key.name}; }

config_data data_of(const k8s::object& config) {
  config_data data;
  const auto* values = config.find({"data"});
  if (!values || !values->IsObject()) return data;
  for (const auto& m : values->GetObject())
    if (m.value.IsString()) data.emplace(m.name.GetString(), m.value.GetString());
  return data;
}

}  // namespace

node_facts facts_of(const k8s::object& node) {
  node_facts facts{std::string(node.name()), node.labels(), false, 0};
  const auto* conditions = node.find({"status", "conditions"});
  if (!conditions || !conditions->IsArray()) return facts;
  for (const auto& c : conditions->GetArray()) {
    if (!c.IsObject() || member(c, "type") != conditions::ready) continue;
    facts.ready = member(c, "status") == "True";
    if (!facts.ready)
      facts.not_ready_since_unix_s = k8s::parse_time(member(c, "lastTransitionTime")).value_or(0);
  }
  return facts;
}

operator_watch::operator_watch(k8s::client& client, caches_actor to, const std::string& own_ns,
                               metrics& counts, std::function<void(const config_data&)> configured)
    : to_(std::move(to)), metrics_(counts), configured_(std::move(configured)), unsynced_(watches) {
  watch_nodes(client);
  watch_namespaces(client);
  watch_reports(client, k8s::cluster_gkm_cache_nodes);
  watch_reports(client, k8s::gkm_cache_nodes);
  watch_caches(client, k8s::cluster_gkm_caches);
  watch_caches(client, k8s::gkm_caches);
  watch_config(client, own_ns);
}

operator_watch::~operator_watch() { stop(); }

void operator_watch::stop() {
  for (auto& w : watchers_) w->stop();
}

void operator_watch::watch_caches(k8s::client& client, const k8s::resource& what) {
  add(client, what, {},
      {.changed =
           [this, &what](const k8s::object& o) {
             count(what, o.key(), true);
             auto cache = k8s::parse_cache(o);
             if (cache) return caf::anon_send(to_, changed_atom_v, std::move(*cache));
             log_unreadable(what, o, cache.error());
             caf::anon_send(to_, deleted_atom_v, ref_of(o.key()));
           },
       .deleted =
           [this, &what](const k8s::gone_object& gone) {
             count(what, gone.key, false);
             caf::anon_send(to_, deleted_atom_v, ref_of(gone.key));
           },
       .synced = {}});
}

void operator_watch::watch_reports(k8s::client& client, const k8s::resource& what) {
  add(client, what, {},
      {.changed =
           [this, &what](const k8s::object& o) {
             metrics_.count_change("report");
             auto report = k8s::parse_node_report(o);
             if (report) return caf::anon_send(to_, report_atom_v, summarize(*report));
             // What cannot be read may still hold something: the report before it stands.
             log_unreadable(what, o, report.error());
           },
       .deleted =
           [this](const k8s::gone_object& gone) {
             metrics_.count_change("report");
             caf::anon_send(to_, retract_atom_v, gone.key.ns, gone.key.name);
           },
       .synced = {}});
}

void operator_watch::watch_nodes(k8s::client& client) {
  add(client, k8s::nodes, {},
      {.changed =
           [this](const k8s::object& o) {
             count(k8s::nodes, o.key(), true);
             caf::anon_send(to_, node_atom_v, facts_of(o));
           },
       .deleted =
           [this](const k8s::gone_object& gone) {
             count(k8s::nodes, gone.key, false);
             caf::anon_send(to_, node_gone_atom_v, gone.key.name);
           },
       .synced = {}});
}

/// Only those that are going: there are few, and none most of the time.
void operator_watch::watch_namespaces(k8s::client& client) {
  add(client, k8s::namespaces, by_field({}, "status.phase=Terminating"),
      {.changed =
           [this](const k8s::object& o) {
             metrics_.count_change("namespace");
             caf::anon_send(to_, ending_atom_v, std::string(o.name()), true);
           },
       .deleted =
           [this](const k8s::gone_object& gone) {
             metrics_.count_change("namespace");
             caf::anon_send(to_, ending_atom_v, gone.key.name, false);
           },
       .synced = {}});
}

void operator_watch::watch_config(k8s::client& client, const std::string& own_ns) {
  add(client, k8s::config_maps, by_field(own_ns, std::string("metadata.name=") + names::config_map),
      {.changed =
           [this](const k8s::object& o) {
             metrics_.count_change("config");
             configured_(data_of(o));
           },
       .deleted =
           [this](const k8s::gone_object&) {
             metrics_.count_change("config");
             configured_({});
           },
       .synced = {}});
}

void operator_watch::add(k8s::client& client, const k8s::resource& what, k8s::selection which,
                         k8s::watch_callbacks callbacks) {
  callbacks.synced = [this, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    --unsynced_;
    announce_synced();
  };
  callbacks.trouble = [this, &what](const error* why) { trouble(what, why); };
  k8s::watch_options options;
  options.which = std::move(which);
  watchers_.push_back(
      std::make_unique<k8s::watcher>(client, what, std::move(options), std::move(callbacks)));
}

void operator_watch::count(const k8s::resource& what, const k8s::object_key& key, bool exists) {
  auto& keys = known_[what.plural];
  if (exists)
    keys.insert(key);
  else
    keys.erase(key);
  bool are_nodes = what.plural == k8s::nodes.plural;
  metrics_.count_change(are_nodes ? "node" : "cache");
  if (are_nodes)
    metrics_.set_nodes(keys.size());
  else
    metrics_.set_caches(what.namespaced ? "namespaced" : "cluster", keys.size());
}

void operator_watch::trouble(const k8s::resource& what, const error* why) {
  bool was_broken = broken_.contains(what.plural);
  if (why) {
    broken_.insert(what.plural);
    if (!was_broken)
      log::warn("A watch broke, trying again", {{"kind", what.kind}, {"error", why->message}});
  } else {
    broken_.erase(what.plural);
    if (was_broken) log::info("The watch works again", {{"kind", what.kind}});
  }
  announce_synced();
}

/// Half a view is none: what is not seen would be taken for gone.
void operator_watch::announce_synced() {
  // Settings are no part of it.
  auto broken = broken_.size() - broken_.count(k8s::config_maps.plural);
  bool whole = unsynced_ == 0 && broken == 0;
  if (unsynced_ == 0) synced_ = true;
  if (std::exchange(whole_, whole) == whole) return;
  metrics_.set_watching(whole);
  caf::anon_send(to_, synced_atom_v, whole);
}

}  // namespace gkm::op
