#include "actors/operator/caches.hpp"

#include "base/backoff.hpp"
#include "base/log.hpp"

#include <algorithm>

namespace gkm::cluster {
namespace log = base::log;
namespace {

bool matches(const std::map<std::string, std::string>& selector,
             const std::map<std::string, std::string>& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    auto at = labels.find(wanted.first);
    return at != labels.end() && at->second == wanted.second;
  });
}

bool could_not_log_in(const node_holding& holding) {
  return std::any_of(holding.digests.begin(), holding.digests.end(),
                     [](const auto& hold) { return hold.reason == "Unauthorized"; });
}

}  // namespace

caches_state::caches_state(caches_actor::pointer self, const cluster_ports& ports,
                           pull_secrets_actor secrets, uint64_t seed)
    : self_(self), ports_(ports), secrets_(std::move(secrets)), chance_(seed) {}

caches_state::~caches_state() {
  for (auto& [ref, c] : children_)
    if (c.actor) caf::anon_send_exit(c.actor, caf::exit_reason::user_shutdown);
}

caches_actor::behavior_type caches_state::make_behavior() {
  self_->set_down_handler([this](const caf::down_msg& msg) { down(msg); });
  return {
      [this](changed_atom, const cluster_cache& cache) { cache_changed(cache); },
      [this](deleted_atom, const cache_ref& ref) { cache_deleted(ref); },
      [this](report_atom, const node_report& report) { reported(report); },
      [this](retract_atom, const std::string& ns, const std::string& node) { retracted(ns, node); },
      [this](node_atom, const node_facts& facts) { node_changed(facts); },
      [this](deleted_atom, const std::string& node) { node_deleted(node); },
      [this](ending_atom, const std::string& ns, bool ending) { namespace_ending(ns, ending); },
      [this](synced_atom, bool whole) { set_acting(leading_, whole); },
      [this](lead_atom, bool leading) { set_acting(leading, whole_); },
      [this](retry_atom, const cache_ref& ref) { start(ref); },
      [this](probe_atom, const std::string& node) { look_again(node); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

// -- caches --

void caches_state::cache_changed(const cluster_cache& cache) {
  auto [at, fresh] = children_.try_emplace(cache.ref);
  auto& c = at->second;
  auto before = std::exchange(c.cache, cache);
  if (fresh || before.object.generation != cache.object.generation) {
    // What is being deleted is pulled nowhere any more.
    auto names = cache.object.deleting ? std::vector<std::string>() : cache.pull_secrets;
    self_->send(secrets_, wanted_atom_v, cache.ref, names, cache.node_selector);
  }
  if (!c.actor) {
    if (c.deaths == 0) start(cache.ref);
    return;
  }
  if (before.node_selector != cache.node_selector)
    self_->send(c.actor, node_atom_v, standings(cache));
  self_->send(c.actor, changed_atom_v, cache);
}

void caches_state::cache_deleted(const cache_ref& ref) {
  auto at = children_.find(ref);
  if (at == children_.end()) return;
  if (at->second.actor) self_->send(at->second.actor, withdraw_atom_v);
  children_.erase(at);
  self_->send(secrets_, withdraw_atom_v, ref);
}

/// Starts the cache's actor with all that is known by now.
void caches_state::start(const cache_ref& ref) {
  auto at = children_.find(ref);
  if (at == children_.end() || at->second.actor) return;
  auto& c = at->second;
  first_view first{c.cache, {}, ending_.contains(ref.ns), is_acting()};
  static const std::map<std::string, holdings> none;
  auto of_namespace = reports_.find(ref.ns);
  const auto& reports = of_namespace == reports_.end() ? none : of_namespace->second;
  for (const auto& [name, n] : nodes_) {
    node_row row{standing(name, n, c.cache), {}};
    if (auto report = reports.find(name); report != reports.end())
      if (auto held = report->second.find(ref.name); held != report->second.end())
        row.holding = held->second;
    first.nodes.push_back(std::move(row));
  }
  c.actor = gkm::spawn<cluster_cache_state>(*self_, ports_, std::move(first), chance_());
  self_->monitor(c.actor);
}

void caches_state::down(const caf::down_msg& msg) {
  auto at = std::find_if(children_.begin(), children_.end(), [&](const auto& entry) {
    return entry.second.actor && entry.second.actor.address() == msg.source;
  });
  if (at == children_.end()) return;
  at->second.actor = nullptr;
  auto pause = base::pause_after({errc::internal, {}, {}}, ++at->second.deaths, chance_());
  log::error("Cache actor died, starting it again",
             {{"cache", at->first.str()}, {"reason", from_caf(msg.reason).message}});
  self_->delayed_send(self_, pause.value_or(base::longest_pause), retry_atom_v, at->first);
}

// -- reports --

void caches_state::reported(const node_report& report) {
  auto& of_namespace = reports_[report.ns];
  auto [at, fresh] = of_namespace.try_emplace(report.name);
  auto& n = nodes_[report.name];
  n.reports += fresh;
  if (report.ns.empty()) {
    // A report is created first and filled in then.
    bool speaks = !report.node_name.empty();
    if (std::exchange(n.pull_secret_key, report.pull_secret_key) != report.pull_secret_key)
      tell_secrets(report.name, n);
    bool news = n.runs_agent != speaks || n.has_gpu == report.gpus.empty();
    n.runs_agent = speaks;
    n.has_gpu = !report.gpus.empty();
    if (news) broadcast(report.name, n);
  }
  holdings now;
  for (const auto& [name, entries] : report.caches)
    if (!entries.empty()) now.emplace(name, summarize(entries));
  replace_holdings(report.ns, report.name, now);
  at->second = std::move(now);
}

void caches_state::retracted(const std::string& ns, const std::string& node) {
  auto of_namespace = reports_.find(ns);
  if (of_namespace == reports_.end()) return;
  auto at = of_namespace->second.find(node);
  if (at == of_namespace->second.end()) return;
  replace_holdings(ns, node, {});
  of_namespace->second.erase(at);
  if (of_namespace->second.empty()) reports_.erase(of_namespace);
  auto& n = nodes_[node];
  --n.reports;
  if (ns.empty()) {
    n.runs_agent = n.has_gpu = false;
    n.pull_secret_key.clear();
    tell_secrets(node, n);
    broadcast(node, n);
  }
  forget_if_gone(node);
}

/// Both are in order of names: one pass finds what came, went and changed.
void caches_state::replace_holdings(const std::string& ns, const std::string& node,
                                    const holdings& now) {
  const auto& before = reports_[ns][node];
  auto old = before.begin();
  for (const auto& [name, holding] : now) {
    for (; old != before.end() && old->first < name; ++old) tell({ns, old->first}, node, {});
    bool same = old != before.end() && old->first == name && old->second == holding;
    if (!same) tell({ns, name}, node, holding);
    if (old != before.end() && old->first == name) ++old;
  }
  for (; old != before.end(); ++old) tell({ns, old->first}, node, {});
}

void caches_state::tell(const cache_ref& ref, const std::string& node,
                        const node_holding& holding) {
  auto at = children_.find(ref);
  if (at == children_.end()) return;
  if (at->second.actor) self_->send(at->second.actor, report_atom_v, node, holding);
  if (could_not_log_in(holding)) self_->send(secrets_, retry_atom_v, ref);
}

// -- nodes --

bool caches_state::is_alive(const node& n) const {
  if (!n.exists) return false;
  if (n.facts.ready || n.facts.not_ready_since_unix_s == 0) return true;
  return ports_.clock.unix_seconds() - n.facts.not_ready_since_unix_s < not_ready_limit.count();
}

node_standing caches_state::standing(const std::string& name, const node& n,
                                     const cluster_cache& c) const {
  bool alive = is_alive(n);
  bool wanted = alive && n.runs_agent && matches(c.node_selector, n.facts.labels);
  return {name, alive, wanted, n.has_gpu};
}

std::vector<node_standing> caches_state::standings(const cluster_cache& c) const {
  std::vector<node_standing> all;
  all.reserve(nodes_.size());
  for (const auto& [name, n] : nodes_) all.push_back(standing(name, n, c));
  return all;
}

void caches_state::node_changed(const node_facts& facts) {
  auto& n = nodes_[facts.name];
  if (n.exists && n.facts == facts) return;
  n.exists = true;
  n.facts = facts;
  broadcast(facts.name, n);
  tell_secrets(facts.name, n);
  look_again(facts.name);
}

void caches_state::node_deleted(const std::string& name) {
  auto at = nodes_.find(name);
  if (at == nodes_.end()) return;
  at->second.exists = false;
  at->second.facts = {};
  broadcast(name, at->second);
  tell_secrets(name, at->second);
  forget_if_gone(name);
}

/// When a node that is not ready has been so for long, it stops counting.
void caches_state::look_again(const std::string& name) {
  auto at = nodes_.find(name);
  if (at == nodes_.end() || !at->second.exists) return;
  const auto& facts = at->second.facts;
  if (facts.ready || facts.not_ready_since_unix_s == 0) return;
  if (!is_alive(at->second)) return broadcast(name, at->second);
  auto left = facts.not_ready_since_unix_s + not_ready_limit.count() - ports_.clock.unix_seconds();
  self_->delayed_send(self_, std::chrono::seconds(std::clamp<int64_t>(left, 1, 300)), probe_atom_v,
                      name);
}

void caches_state::broadcast(const std::string& name, const node& n) {
  for (const auto& [ref, c] : children_)
    if (c.actor)
      self_->send(c.actor, node_atom_v, std::vector<node_standing>{standing(name, n, c.cache)});
}

/// Labels are the Node's, which agents cannot change; the key is the word of the node's own agent.
void caches_state::tell_secrets(const std::string& name, const node& n) {
  self_->send(secrets_, node_atom_v, name, n.facts.labels,
              n.exists ? n.pull_secret_key : std::string());
}

void caches_state::forget_if_gone(const std::string& name) {
  auto at = nodes_.find(name);
  if (at != nodes_.end() && !at->second.exists && at->second.reports == 0) nodes_.erase(at);
}

// -- the rest of the world --

void caches_state::namespace_ending(const std::string& ns, bool ending) {
  if (ending)
    ending_.insert(ns);
  else
    ending_.erase(ns);
  for (auto at = children_.lower_bound({ns, ""}); at != children_.end() && at->first.ns == ns; ++at)
    if (at->second.actor) self_->send(at->second.actor, ending_atom_v, ending);
}

/// What is missing from the view must not be taken for gone: nobody acts on half of it.
void caches_state::set_acting(bool leading, bool whole) {
  bool before = is_acting();
  leading_ = leading;
  whole_ = whole;
  if (is_acting() == before) return;
  for (const auto& [ref, c] : children_)
    if (c.actor) self_->send(c.actor, lead_atom_v, is_acting());
  self_->send(secrets_, lead_atom_v, is_acting());
  if (is_acting()) ensure_driver();
}

void caches_state::ensure_driver() {
  if (!is_acting()) return;
  auto me = caches_actor(self_);
  ports_.api.ensure_driver([me, this](result<done> outcome) {
    caf::anon_send(
        me, run_atom_v, continuation{[=, this] {
          if (outcome) {
            driver_failures_ = 0;
            return;
          }
          log::warn("Cannot make the CSIDriver object", {{"error", outcome.error().message}});
          auto pause = base::pause_after({errc::unavailable, {}, {}}, ++driver_failures_, chance_())
                           .value_or(base::longest_pause);
          driver_pause_.begin(self_->clock().now(), pause);
          self_->delayed_send(self_, pause, run_atom_v, continuation{[this] {
                                if (!driver_pause_.lasts(self_->clock().now())) ensure_driver();
                              }});
        }});
  });
}

}  // namespace gkm::cluster
