#include "tests/support/sim/sim_api.hpp"

#include "actors/operator/pull_secrets.hpp"
#include "messages/names.hpp"

namespace gkm::sim {
namespace {

// Watches that were just opened again have much to tell.
constexpr int64_t relist_ms_max = 5'000;

bool is_gone(const cache_object& c) { return c.object.deleting && c.object.finalizers.empty(); }

}  // namespace

bool sim_api::older::operator()(const operator_life* a, const operator_life* b) const {
  return a->number() < b->number();
}

// -- what people, agents and controllers do --

void sim_api::store(cache_object& cache) {
  cache.object.resource_version = std::to_string(++version_);
  caches[cache.ref] = cache;
  for (auto* who : watching_) who->tell("cache", changed_atom_v, cache);
}

void sim_api::put(cache_object cache) {
  auto at = caches.find(cache.ref);
  if (at == caches.end()) {
    cache.object.uid = "uid-" + std::to_string(version_ + 1);
    cache.object.generation = 1;
    return store(cache);
  }
  auto next = at->second;
  if (next.image != cache.image || next.node_selector != cache.node_selector)
    ++next.object.generation;
  next.image = cache.image;
  next.admitted_digest = cache.admitted_digest;
  next.node_selector = cache.node_selector;
  store(next);
}

void sim_api::remove(const cache_ref& ref) {
  auto at = caches.find(ref);
  if (at == caches.end() || at->second.object.deleting) return;
  auto next = at->second;
  next.object.deleting = true;
  ++next.object.generation;
  // Nobody holds it: the operator was not there yet.
  if (is_gone(next)) return forget(ref);
  store(next);
}

void sim_api::forget(const cache_ref& ref) {
  caches.erase(ref);
  past.caches.insert(ref);
  ++version_;
  for (auto* who : watching_) who->tell("cache", deleted_atom_v, ref);
}

void sim_api::put(node_report report) {
  report.object.resource_version = std::to_string(++version_);
  reports[{report.ns, report.name}] = report;
  ++reported;
  for (auto* who : watching_) who->tell("report", report_atom_v, summarize(report));
}

void sim_api::remove_report(const std::string& ns, const std::string& node) {
  if (reports.erase({ns, node}) == 0) return;
  past.reports.insert({ns, node});
  for (auto* who : watching_) who->tell("report", retract_atom_v, ns, node);
}

void sim_api::put(node_facts facts) {
  nodes[facts.name] = facts;
  for (auto* who : watching_) who->tell("node", node_atom_v, facts);
}

void sim_api::remove_node(const std::string& name) {
  if (nodes.erase(name) == 0) return;
  past.nodes.insert(name);
  for (auto* who : watching_) who->tell("node", node_gone_atom_v, name);
}

void sim_api::set_ending(const std::string& ns, bool is_ending) {
  if (is_ending)
    ending.insert(ns);
  else
    ending.erase(ns);
  past.ending.insert(ns);
  for (auto* who : watching_) who->tell("namespace", ending_atom_v, ns, is_ending);
}

// -- what operators do --

void sim_api::write(const cache_object& seen, bool is_status,
                    const std::function<void(cache_object&)>& change, answer<cache_object> reply) {
  auto at = caches.find(seen.ref);
  ++writes[seen.ref];
  if (down) return reply(fail(errc::unavailable, "down"));
  if (world_.chaos().strikes()) return reply(fail(errc::unavailable, "broken before it arrived"));
  if (at == caches.end()) return reply(fail(errc::not_found, "no such cache"));
  if (at->second.object.resource_version != seen.object.resource_version)
    return reply(fail(errc::conflict, "it has been modified"));
  auto next = at->second;
  change(next);
  if (!is_status && is_gone(next)) {
    if (on_let_go) on_let_go(next);
    forget(seen.ref);
  } else if (next != at->second) {
    store(next);
  }
  if (world_.chaos().strikes()) return reply(fail(errc::unavailable, "the answer was lost"));
  reply(next);
}

void sim_api::read(const cache_ref& ref, answer<cache_object> reply) {
  if (down || world_.chaos().strikes()) return reply(fail(errc::unavailable, "down"));
  auto at = caches.find(ref);
  if (at == caches.end()) return reply(fail(errc::not_found, "no such cache"));
  reply(at->second);
}

// -- one operator --

operator_life::operator_life(sim_api& api, uint64_t number) : api_(api), number_(number) {
  auto& w = api.where();
  secrets_ = gkm::spawn<op::pull_secrets_state>(w.system(), static_cast<op::secrets_port&>(*this),
                                                std::string("gkm-system"), w.chaos().draw());
  caches_ = gkm::spawn<op::caches_state>(w.system(), op::cluster_ports{*this, *this, api.clock},
                                         secrets_, w.chaos().draw());
  api_.attach(this);
  schedule(w.chaos().between(1, relist_ms_max).count(), [this] { list(); });
}

operator_life::~operator_life() {
  *alive_ = false;
  api_.detach(this);
  caf::anon_send_exit(caches_, caf::exit_reason::kill);
  caf::anon_send_exit(secrets_, caf::exit_reason::kill);
  api_.where().settle();
}

/// Only in this life, and only until the watches break.
void operator_life::schedule(int64_t in_ms, std::function<void()> what) {
  api_.where().after(duration(in_ms), [this, alive = alive_, epoch = epoch_, what] {
    if (*alive && epoch == epoch_) what();
  });
}

void operator_life::set_leading(bool leading) {
  leading_ = leading;
  caf::anon_send(caches_, lead_atom_v, leading);
}

void operator_life::break_watches() {
  auto& w = api_.where();
  watching_ = false;
  ++epoch_;
  last_told_ms_.clear();
  caf::anon_send(caches_, synced_atom_v, false);
  schedule(w.chaos().between(1, relist_ms_max).count(), [this] { list(); });
}

/// All that there is, and all that is gone by now.
void operator_life::list() {
  watching_ = true;
  for (const auto& [ref, c] : api_.caches) caf::anon_send(caches_, changed_atom_v, c);
  for (const auto& [key, r] : api_.reports) caf::anon_send(caches_, report_atom_v, summarize(r));
  for (const auto& [name, n] : api_.nodes) caf::anon_send(caches_, node_atom_v, n);
  for (const auto& ns : api_.ending) caf::anon_send(caches_, ending_atom_v, ns, true);
  const auto& past = api_.past;
  for (const auto& ref : past.caches)
    if (!api_.caches.contains(ref)) caf::anon_send(caches_, deleted_atom_v, ref);
  for (const auto& [ns, node] : past.reports)
    if (!api_.reports.contains({ns, node})) caf::anon_send(caches_, retract_atom_v, ns, node);
  for (const auto& name : past.nodes)
    if (!api_.nodes.contains(name)) caf::anon_send(caches_, node_gone_atom_v, name);
  for (const auto& ns : past.ending)
    if (!api_.ending.contains(ns)) caf::anon_send(caches_, ending_atom_v, ns, false);
  caf::anon_send(caches_, synced_atom_v, true);
}

/// A request that is on its way arrives, whatever becomes of who sent it.
void operator_life::send(const cache_object& seen, bool is_status,
                         std::function<void(cache_object&)> change, answer<cache_object> reply) {
  auto& w = api_.where();
  w.after(w.chaos().between(1, write_ms_max), [=, &api = api_, alive = alive_] {
    api.write(seen, is_status, change, [&](result<cache_object> outcome) {
      auto way_back = api.where().chaos().between(1, write_ms_max);
      api.where().after(way_back, [=] {
        if (*alive) reply(outcome);
      });
    });
  });
}

void operator_life::write_status(const cache_object& seen, const cache_object_status& wanted,
                                 answer<cache_object> reply) {
  send(
      seen, true, [wanted](cache_object& c) { c.status = wanted; }, std::move(reply));
}

void operator_life::add_finalizer(const cache_object& seen, answer<cache_object> reply) {
  auto add = [](cache_object& c) { c.object.finalizers.emplace_back(names::in_use_finalizer); };
  send(seen, false, add, std::move(reply));
}

void operator_life::remove_finalizer(const cache_object& seen, answer<cache_object> reply) {
  auto remove = [](cache_object& c) { std::erase(c.object.finalizers, names::in_use_finalizer); };
  send(seen, false, remove, std::move(reply));
}

void operator_life::read(const cache_ref& ref, answer<cache_object> reply) {
  auto& w = api_.where();
  w.after(w.chaos().between(1, write_ms_max), [=, &api = api_, alive = alive_] {
    if (*alive) api.read(ref, reply);
  });
}

void operator_life::read_pods(const cache_ref&, const std::vector<std::string>&,
                              answer<std::vector<std::string>> reply) {
  auto& w = api_.where();
  w.after(w.chaos().between(1, write_ms_max), [=, &api = api_, alive = alive_] {
    if (!*alive) return;
    if (api.down || api.where().chaos().strikes()) return reply(fail(errc::unavailable, "down"));
    reply(std::vector<std::string>{"a-pod"});
  });
}

void operator_life::record(const cache_object&, const op::cache_event&) { ++api_.recorded_events; }

void operator_life::ensure_driver(answer<done> reply) {
  if (api_.where().chaos().strikes()) return reply(fail(errc::unavailable, "down"));
  reply(done{});
}

void operator_life::resolve(const cache_object& cache, std::stop_token, answer<digest> reply) {
  auto& w = api_.where();
  w.after(w.chaos().between(1, 3'000), [=, &api = api_, alive = alive_] {
    if (!*alive) return;
    if (api.where().chaos().strikes()) return reply(fail(errc::unavailable, "registry is down"));
    auto at = api.registry.find(cache.image);
    if (at == api.registry.end()) return reply(fail(errc::not_found, "no such image"));
    reply(at->second);
  });
}

void operator_life::read_login(const op::secret_ref&, answer<op::registry_login> reply) {
  reply(op::registry_login{"1", "{}"});
}
void operator_life::write_part(const op::secret_ref&, const op::copied_part&, const std::string&,
                               answer<done> reply) {
  reply(done{});
}
void operator_life::drop_part(const std::string&, answer<done> reply) { reply(done{}); }
void operator_life::list_parts(answer<std::vector<op::copied_part>> reply) {
  reply(std::vector<op::copied_part>{});
}

}  // namespace gkm::sim
