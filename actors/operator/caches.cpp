#include "actors/operator/caches.hpp"

#include "base/backoff.hpp"
#include "base/program/log.hpp"
#include "messages/actors/here.hpp"

#include <algorithm>

namespace gkm::op {
namespace log = base::log;
namespace {

constexpr std::chrono::seconds between_looks_at_nodes{10};

/// "\nkey=value\n…\n": a tenth of what a map needs, and there are many nodes with many labels.
std::string pack(const std::map<std::string, std::string>& labels) {
  std::string all = "\n";
  for (const auto& [key, value] : labels) all += key + '=' + value + '\n';
  return all;
}

/// Labels hold no line break, and no '=' in the key.
std::map<std::string, std::string> unpack(std::string_view labels) {
  std::map<std::string, std::string> all;
  while (labels.size() > 1) {
    labels.remove_prefix(1);
    auto line = labels.substr(0, labels.find('\n'));
    labels.remove_prefix(line.size());
    auto equals = line.find('=');
    if (equals != std::string_view::npos)
      all.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return all;
}

bool matches(const std::map<std::string, std::string>& selector, const std::string& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    auto label = wanted.first + '=' + wanted.second;
    return label.find('\n') == std::string::npos &&
           labels.find('\n' + label + '\n') != std::string::npos;
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
  self_->delayed_send(self_, between_looks_at_nodes, check_nodes_atom_v);
  return {
      [this](changed_atom, const cache_object& cache) { cache_changed(cache); },
      [this](deleted_atom, const cache_ref& ref) { cache_deleted(ref); },
      [this](report_atom, const report_summary& report) { reported(report); },
      [this](retract_atom, const std::string& ns, const std::string& node) { retracted(ns, node); },
      [this](node_atom, const node_facts& facts) { node_changed(facts); },
      [this](node_gone_atom, const std::string& node) { node_deleted(node); },
      [this](ending_atom, const std::string& ns, bool ending) { namespace_ending(ns, ending); },
      [this](synced_atom, bool whole) { set_acting(leading_, whole); },
      [this](lead_atom, bool leading) { set_acting(leading, whole_); },
      [this](retry_atom, const cache_ref& ref) { start(ref); },
      [this](check_nodes_atom) { look_at_nodes(); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

// -- caches --

void caches_state::cache_changed(const cache_object& cache) {
  auto [at, fresh] = children_.try_emplace(cache.ref);
  auto& c = at->second;
  auto before = std::exchange(c.cache, cache);
  if (fresh || before.object.generation != cache.object.generation) {
    // What is being deleted is pulled nowhere any more.
    auto names = cache.object.deleting ? std::vector<std::string>() : cache.pull_secrets;
    self_->send(secrets_, wanted_atom_v, cache.ref, names, cache.node_selector);
  }
  bool served = served_.add(cache.ref, !cache.status.resolved.empty() || cache.object.deleting);
  if (fresh && !served) admit();
  if (!c.actor) {
    if (c.deaths == 0) start(cache.ref);
  } else {
    if (served) serve(cache.ref);
    if (served_.contains(cache.ref) && before.node_selector != cache.node_selector)
      self_->send(c.actor, node_atom_v, rows_of(cache));
    self_->send(c.actor, changed_atom_v, cache);
  }
}

void caches_state::cache_deleted(const cache_ref& ref) {
  auto at = children_.find(ref);
  if (at == children_.end()) return;
  if (at->second.actor) self_->send(at->second.actor, withdraw_atom_v);
  children_.erase(at);
  self_->send(secrets_, withdraw_atom_v, ref);
  served_.remove(ref);
  admit();
}

/// Not before the view is whole: until then it is not known which caches nodes already have.
void caches_state::admit() {
  if (!whole_) return;
  for (const auto& ref : served_.admit(agents_)) serve(ref);
}

/// Sends the rows that a cache is not sent while it waits for a place.
void caches_state::serve(const cache_ref& ref) {
  auto at = children_.find(ref);
  if (at == children_.end() || !at->second.actor) return;
  self_->send(at->second.actor, node_atom_v, rows_of(at->second.cache));
  self_->send(at->second.actor, limit_atom_v, std::string());
}

/// Starts the cache's actor with all that is known by now.
void caches_state::start(const cache_ref& ref) {
  auto at = children_.find(ref);
  if (at == children_.end() || at->second.actor) return;
  auto& c = at->second;
  first_view first{
      c.cache, {}, ending_.contains(ref.ns), is_acting(), served_.refusal(ref, agents_)};
  if (served_.contains(ref)) first.nodes = rows_of(c.cache);
  c.actor = gkm::spawn<cache_object_state>(*self_, ports_, std::move(first), chance_());
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

void caches_state::reported(const report_summary& report) {
  auto& n = node_of(report.node);
  bool fresh = reports_.put(report, [&](const std::string& cache, const shared_holding& holding) {
    tell(report.ns, cache, n, holding);
  });
  n.reports += fresh;
  bool renewed = report.ns.empty() && report.renewed_unix_s != n.renewed_unix_s;
  if (fresh || renewed) {
    n.last_report = self_->clock().now();
    n.silent = false;
  }
  if (report.ns.empty()) {
    n.renewed_unix_s = report.renewed_unix_s;
    if (std::exchange(n.pull_secret_key, report.pull_secret_key) != report.pull_secret_key)
      tell_secrets(n);
  }
  bool news = report.ns.empty() && (n.runs_agent != report.filled || n.has_gpu != report.has_gpu);
  if (!news && n.alive == is_alive(n)) return;
  change(n, [&] {
    if (!report.ns.empty()) return;
    n.runs_agent = report.filled;
    n.has_gpu = report.has_gpu;
  });
}

void caches_state::retracted(const std::string& ns, const std::string& node) {
  auto& n = node_of(node);
  bool was_there =
      reports_.remove(ns, node, [&](const std::string& cache, const shared_holding& holding) {
        tell(ns, cache, n, holding);
      });
  if (was_there) {
    --n.reports;
    if (ns.empty()) {
      change(n, [&] { n.runs_agent = n.has_gpu = false; });
      n.pull_secret_key.clear();
      tell_secrets(n);
    }
  }
  forget_if_gone(node);
}

void caches_state::tell(const std::string& ns, const std::string& cache, const node& n,
                        const shared_holding& holding) {
  auto at = children_.find({ns, cache});
  if (at == children_.end()) return;
  if (at->second.actor && served_.contains(at->first))
    self_->send(at->second.actor, node_atom_v, std::vector{row_of(n, at->second.cache, holding)});
  if (holding && could_not_log_in(*holding)) self_->send(secrets_, login_failed_atom_v, at->first);
}

// -- nodes --

caches_state::node& caches_state::node_of(const std::string& name) {
  auto [at, fresh] = nodes_.try_emplace(name);
  if (fresh) at->second.name = std::make_shared<const std::string>(name);
  return at->second;
}

bool caches_state::is_alive(const node& n) const {
  if (!n.exists || n.silent) return false;
  if (n.ready || n.not_ready_since_unix_s == 0) return true;
  return ports_.clock.unix_seconds() - n.not_ready_since_unix_s < not_ready_limit.count();
}

/// Silence counts only from when every watch worked.
bool caches_state::is_quiet(const node& n) const {
  bool never_renews = n.runs_agent && n.renewed_unix_s == 0;  // an agent of an earlier version
  return whole_ && !never_renews &&
         self_->clock().now() - std::max(n.last_report, whole_since_) > silence_limit;
}

node_row caches_state::row_of(const node& n, const cache_object& c, shared_holding holding) const {
  bool wanted = n.alive && n.runs_agent && matches(c.node_selector, n.labels);
  return {n.name, {n.alive, wanted, n.has_gpu}, std::move(holding)};
}

std::vector<node_row> caches_state::rows_of(const cache_object& c) const {
  std::vector<node_row> all;
  all.reserve(nodes_.size());
  for (const auto& [name, n] : nodes_)
    all.push_back(row_of(n, c, reports_.find(c.ref.ns, name, c.ref.name)));
  return all;
}

void caches_state::node_changed(const node_facts& facts) {
  auto& n = node_of(facts.name);
  auto labels = pack(facts.labels);
  if (n.exists && n.ready == facts.ready && n.labels == labels &&
      n.not_ready_since_unix_s == facts.not_ready_since_unix_s)
    return;
  change(n, [&] {
    n.exists = true;
    n.ready = facts.ready;
    n.not_ready_since_unix_s = facts.not_ready_since_unix_s;
    n.labels = std::move(labels);
  });
  tell_secrets(n);
}

void caches_state::node_deleted(const std::string& name) {
  auto at = nodes_.find(name);
  if (at == nodes_.end()) return;
  auto& n = at->second;
  change(n, [&] {
    n.exists = n.ready = false;
    n.labels.clear();
  });
  tell_secrets(n);
  forget_if_gone(name);
}

/// When a node has not been ready for long, or its agent silent, it stops counting.
void caches_state::look_at_nodes() {
  self_->delayed_send(self_, between_looks_at_nodes, check_nodes_atom_v);
  for (auto& [name, n] : nodes_) {
    n.silent = n.silent || is_quiet(n);
    if (n.alive != is_alive(n)) change(n, [] {});
  }
}

/// Tells each cache to which the node is something else after the change, or was before.
template <class Change>
void caches_state::change(node& n, Change change) {
  auto before = n;
  change();
  n.alive = is_alive(n);
  agents_ += n.runs_agent;
  agents_ -= before.runs_agent;
  if (n.alive == before.alive && n.runs_agent == before.runs_agent && n.has_gpu == before.has_gpu &&
      n.labels == before.labels)
    return;
  for (const auto& [ref, c] : children_) {
    if (!c.actor || !served_.contains(ref)) continue;
    auto was = row_of(before, c.cache, {});
    auto now = row_of(n, c.cache, reports_.find(ref.ns, *n.name, ref.name));
    bool matters = was.standing.wanted || now.standing.wanted || now.holding;
    if (matters && was.standing != now.standing)
      self_->send(c.actor, node_atom_v, std::vector{std::move(now)});
  }
}

/// Labels are the Node's, which agents cannot change; the key is the word of the node's own agent.
void caches_state::tell_secrets(const node& n) {
  self_->send(secrets_, node_atom_v, *n.name, unpack(n.labels),
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
  if (whole && !whole_) whole_since_ = self_->clock().now();
  whole_ = whole;
  admit();
  for (const auto& [ref, c] : children_)
    if (c.actor && whole_ && !served_.contains(ref))
      self_->send(c.actor, limit_atom_v, served_.refusal(ref, agents_));
  if (is_acting() == before) return;
  for (const auto& [ref, c] : children_)
    if (c.actor) self_->send(c.actor, act_atom_v, is_acting());
  self_->send(secrets_, act_atom_v, is_acting());
  if (!is_acting()) return;
  driver_.end_pause();
  ensure_driver();
}

void caches_state::ensure_driver() {
  if (!is_acting() || !driver_.may_begin(self_->clock().now())) return;
  driver_.begin();
  ports_.api.ensure_driver(here<done>(caches_actor(self_), [this](const auto& outcome) {
    if (outcome) return driver_.succeeded();
    log::warn("Cannot make the CSIDriver object", {{"error", outcome.error().message}});
    auto next = driver_.failed(outcome.error(), self_->clock().now(), chance_());
    self_->delayed_send(self_, next.pause, run_atom_v, continuation{[this] { ensure_driver(); }});
  }));
}

}  // namespace gkm::op
