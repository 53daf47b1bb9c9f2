#include "actors/agent/agent_watch.hpp"

#include "actors/agent/metrics.hpp"
#include "base/program/log.hpp"
#include "base/program/process.hpp"
#include "k8s/objects/types.hpp"
#include "k8s/watcher.hpp"

namespace gkm::node {
namespace log = base::log;
namespace {

void log_unreadable(const k8s::resource& what, const k8s::object& o, const error& e) {
  log::warn("Cannot read an object, keeping what was known of it",
            {{"kind", what.kind}, {"object", o.key().str()}, {"error", e.message}});
}

}  // namespace

agent_watch::agent_watch(k8s::client& client, readers to, const std::string& node_name,
                         const std::string& own_ns, metrics& counts)
    : node_name_(node_name),
      to_(std::move(to)),
      metrics_(counts),
      wanted_(own_ns, {[this](const cache_spec& spec) {
                         caf::anon_send(to_.reporter, changed_atom_v, spec);
                         caf::anon_send(to_.node, changed_atom_v, spec);
                       },
                       [this](const cache_ref& ref) {
                         caf::anon_send(to_.node, deleted_atom_v, ref);
                         caf::anon_send(to_.reporter, deleted_atom_v, ref);
                       }}),
      unlisted_caches_{k8s::gkm_caches.plural, k8s::cluster_gkm_caches.plural},
      unlisted_reports_{k8s::gkm_cache_nodes.plural, k8s::cluster_gkm_cache_nodes.plural} {
  watch_node(client);
  watch_reports(client, k8s::cluster_gkm_cache_nodes);
  watch_reports(client, k8s::gkm_cache_nodes);
  watch_caches(client, k8s::cluster_gkm_caches);
  watch_caches(client, k8s::gkm_caches);
}

agent_watch::~agent_watch() {
  for (auto& w : watchers_) w->stop();
}

void agent_watch::watch_caches(k8s::client& client, const k8s::resource& what) {
  add(client, what, false,
      {.changed =
           [this, &what](const k8s::object& o) {
             metrics_.count_change("cache");
             auto cache = k8s::parse_cache(o);
             if (cache)
               wanted_.changed(*cache);
             else
               log_unreadable(what, o, cache.error());
           },
       .deleted =
           [this](const k8s::gone_object& gone) {
             metrics_.count_change("cache");
             wanted_.gone({gone.key.ns, gone.key.name});
           },
       .synced = [this, &what] { caches_listed(what); }});
}

void agent_watch::watch_reports(k8s::client& client, const k8s::resource& what) {
  add(client, what, true,
      {.changed =
           [this, &what](const k8s::object& o) {
             metrics_.count_change("report");
             auto report = k8s::parse_node_report(o);
             if (report)
               return caf::anon_send(to_.reporter, report_seen_atom_v, std::move(*report));
             log_unreadable(what, o, report.error());
           },
       .deleted =
           [this](const k8s::gone_object& gone) {
             metrics_.count_change("report");
             caf::anon_send(to_.reporter, report_gone_atom_v, gone.key.ns, gone.uid);
           },
       .synced = [this, &what] { reports_listed(what); }});
}

/// A Node that is taken away and made anew keeps its labels meanwhile: nothing is dropped for that.
/// But nothing is reported then, either: what has an owner that is gone is collected at once.
void agent_watch::watch_node(k8s::client& client) {
  add(client, k8s::nodes, true,
      {.changed =
           [this](const k8s::object& o) {
             metrics_.count_change("node");
             wanted_.node_is(o.labels());
             if (node_uid_ != o.uid()) {
               node_uid_ = o.uid();
               caf::anon_send(to_.reporter, node_atom_v, node_uid_);
             }
             announce_synced();
           },
       .deleted =
           [this](const k8s::gone_object&) {
             metrics_.count_change("node");
             log::warn("Our Node object is gone: nothing is reported until there is another",
                       {{"node", node_name_}});
             node_uid_.clear();
             caf::anon_send(to_.reporter, node_atom_v, node_uid_);
           },
       .synced =
           [this] {
             if (!wanted_.knows_node())
               log::warn("There is no Node object of our name yet: nothing is reported before",
                         {{"node", node_name_}});
           }});
}

void agent_watch::add(k8s::client& client, const k8s::resource& what, bool own_only,
                      k8s::watch_callbacks callbacks) {
  k8s::watch_options options;
  if (own_only) options.which.field_selector = "metadata.name=" + node_name_;
  callbacks.trouble = [this, &what](const error* why) {
    trouble(what, why ? &why->message : nullptr);
  };
  watchers_.push_back(
      std::make_unique<k8s::watcher>(client, what, std::move(options), std::move(callbacks)));
}

void agent_watch::trouble(const k8s::resource& what, const std::string* why) {
  metrics_.set_watching(what.plural, why == nullptr);
  if (why) {
    if (!broken_.insert(what.plural).second) return;
    log::warn("A watch broke, and is tried again; what is known stays",
              {{"kind", what.kind}, {"error", *why}});
    return;
  }
  broken_.erase(what.plural);
  log::info("A watch works again", {{"kind", what.kind}});
  if (unlisted_reports_.empty()) caf::anon_send(to_.reporter, api_restored_atom_v);
}

void agent_watch::caches_listed(const k8s::resource& what) {
  metrics_.set_watching(what.plural, true);
  std::erase(unlisted_caches_, what.plural);
  announce_synced();
}

void agent_watch::reports_listed(const k8s::resource& what) {
  metrics_.set_watching(what.plural, true);
  std::erase(unlisted_reports_, what.plural);
  if (unlisted_reports_.empty()) caf::anon_send(to_.reporter, reports_synced_atom_v);
}

/// Which caches nobody wants is known only when the node's labels are, too.
void agent_watch::announce_synced() {
  if (synced_ || !unlisted_caches_.empty() || !wanted_.knows_node()) return;
  synced_ = true;
  log::info("The cluster is known", {{"caches", wanted_.size()}});
  caf::anon_send(to_.node, synced_atom_v);
  caf::anon_send(to_.reporter, synced_atom_v);
  base::give_back_memory();
}

}  // namespace gkm::node
