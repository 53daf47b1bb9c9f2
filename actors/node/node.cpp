#include "actors/node/node.hpp"

#include "base/backoff.hpp"
#include "base/program/log.hpp"
#include "messages/assert.hpp"

namespace gkm::node {
namespace log = base::log;
namespace {

/// Reading a large catalog back takes a while; sweeping a large staging directory too.
constexpr std::chrono::seconds recover_limit{600};

}  // namespace

node_state::node_state(node_actor::pointer self, cache_peers peers, uint64_t seed)
    : self_(self), peers_(std::move(peers)), chance_(seed) {}

node_state::~node_state() {
  for (auto& [ref, c] : children_)
    if (c.actor) caf::anon_send_exit(c.actor, caf::exit_reason::user_shutdown);
}

node_actor::behavior_type node_state::make_behavior() {
  self_->set_down_handler([this](const caf::down_msg& msg) { down(msg); });
  self_->send(peers_.gpu, caf::subscribe_atom_v, gpu_listener_actor(node_actor(self_)));
  self_->send(peers_.store, caf::subscribe_atom_v, node_actor(self_));
  recover();
  return {
      [this](changed_atom, const cache_spec& spec) { changed(spec); },
      [this](deleted_atom, const cache_ref& ref) { deleted(ref); },
      [this](synced_atom) { synced(); },
      [this](gpus_atom, const std::vector<gpu>& gpus) { gpus_changed(gpus); },
      [](no_gpus_atom, const std::string&) {},
      [this](mounted_atom, const mounted_volume& v) { mounted(v); },
      [this](unmounted_atom, const mounted_volume& v) { unmounted(v); },
      [this](volumes_synced_atom) { volumes_known(); },
      [this](retry_atom, const cache_ref& ref) {
        if (ref == cache_ref())
          try_all_again();
        else
          start(ref);
      },
      [this](damaged_atom, const digest& d) { damaged(d); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

void node_state::damaged(const digest& d) {
  for (const auto& [ref, child] : children_)
    if (child.actor) self_->send(child.actor, damaged_atom_v, d);
}

void node_state::recover() {
  gkm::ask(self_, peers_.store, recover_limit, recover_atom_v)
      .then([this](const recovered& found) { open(found); },
            [this](const caf::error& e) {
              log::error("Cannot read the state directory", {{"error", from_caf(e).message}});
              auto pause = base::pause_after({errc::io, {}, {}}, ++failures_, chance_());
              self_->delayed_send(self_, pause.value_or(base::longest_pause), run_atom_v,
                                  continuation{[this] { recover(); }});
            });
}

void node_state::open(const recovered& found) {
  log::info("State directory is open",
            {{"stored", found.stored.size()}, {"caches", found.records.size()}});
  for (const auto& r : found.records) {
    records_[r.ref] = r;
    // On behalf of the child that may come: nothing that a record names goes before `synced`.
    if (r.state == cache_state::extracted)
      gkm::ask(self_, peers_.store, recover_limit, claim_atom_v, r.manifest, r.ref)
          .then([](const stored_cache&) {}, [](const caf::error&) {});
  }
  GKM_ASSERT(!open_);
  open_ = true;
  for (auto& [ref, c] : children_) start(ref);
  if (synced_) drop_unwanted();
}

void node_state::changed(const cache_spec& spec) {
  auto& c = children_[spec.ref];
  c.spec = spec;
  c.deaths = 0;
  if (c.actor && !c.leaving)
    self_->send(c.actor, wanted_atom_v, spec);
  else
    start(spec.ref);
}

/// The same wish said again means to try again.
void node_state::try_all_again() {
  for (const auto& [ref, c] : children_)
    if (c.actor && !c.leaving && c.spec) self_->send(c.actor, wanted_atom_v, *c.spec);
}

void node_state::deleted(const cache_ref& ref) {
  auto it = children_.find(ref);
  if (it == children_.end()) return;
  it->second.spec.reset();
  if (it->second.actor) {
    it->second.leaving = true;
    self_->send(it->second.actor, withdraw_atom_v);
  } else {
    start(ref);
  }
}

void node_state::synced() {
  if (std::exchange(synced_, true)) return;
  if (open_) drop_unwanted();
}

void node_state::gpus_changed(const std::vector<gpu>& gpus) {
  gpus_ = gpus;
  for (auto& [ref, c] : children_) {
    if (c.actor)
      self_->send(c.actor, gpus_atom_v, gpus);
    else
      start(ref);
  }
}

void node_state::mounted(const mounted_volume& v) {
  volumes_[v.ref][v.volume_id] = v;
  auto it = children_.find(v.ref);
  if (it != children_.end() && it->second.actor) self_->send(it->second.actor, mounted_atom_v, v);
}

void node_state::unmounted(const mounted_volume& v) {
  auto of_cache = volumes_.find(v.ref);
  if (of_cache == volumes_.end()) return;
  of_cache->second.erase(v.volume_id);
  if (of_cache->second.empty()) volumes_.erase(of_cache);
  auto it = children_.find(v.ref);
  if (it != children_.end() && it->second.actor) self_->send(it->second.actor, unmounted_atom_v, v);
}

void node_state::volumes_known() {
  volumes_known_ = true;
  collect_if_all_known();
}

/// Runs a child if one is due: wanted, or not wanted but with something on disk to let go of.
void node_state::start(const cache_ref& ref) {
  auto it = children_.find(ref);
  if (it == children_.end() || it->second.actor || !open_ || !gpus_) return;
  auto& c = it->second;
  GKM_ASSERT(!c.leaving);
  std::optional<catalog_record> record;
  if (auto found = records_.extract(ref)) record = std::move(found.mapped());
  c.actor =
      gkm::spawn<cache_actor_state>(*self_, ref, peers_, *gpus_, std::move(record), chance_());
  self_->monitor(c.actor);
  if (auto used = volumes_.find(ref); used != volumes_.end())
    for (const auto& [id, v] : used->second) self_->send(c.actor, mounted_atom_v, v);
  c.leaving = !c.spec;
  if (c.spec)
    self_->send(c.actor, wanted_atom_v, *c.spec);
  else
    self_->send(c.actor, withdraw_atom_v);
}

void node_state::down(const caf::down_msg& msg) {
  auto it = std::find_if(children_.begin(), children_.end(), [&](const auto& entry) {
    return entry.second.actor && entry.second.actor.address() == msg.source;
  });
  if (it == children_.end()) return;
  auto& c = it->second;
  c.actor = nullptr;
  bool left = std::exchange(c.leaving, false) && !msg.reason;
  if (left && !c.spec) {
    children_.erase(it);
    return;
  }
  if (left) return start(it->first);
  auto pause = base::pause_after({errc::internal, {}, {}}, ++c.deaths, chance_());
  log::error("Cache actor died, starting it again",
             {{"cache", it->first.str()}, {"reason", from_caf(msg.reason).message}});
  // Whatever it had claimed it claims again.
  self_->send(peers_.store, release_atom_v, it->first);
  self_->delayed_send(self_, pause.value_or(base::longest_pause), retry_atom_v, it->first);
}

/// Every wanted cache is known now. What a record names and nobody wants is let go of by a child of
/// its own.
void node_state::drop_unwanted() {
  std::vector<cache_ref> unwanted;
  for (const auto& [ref, r] : records_)
    if (!children_.contains(ref)) unwanted.push_back(ref);
  for (const auto& ref : unwanted) {
    children_[ref];
    start(ref);
  }
  collect_if_all_known();
}

void node_state::collect_if_all_known() {
  if (open_ && synced_ && volumes_known_) self_->send(peers_.store, collect_atom_v);
}

}  // namespace gkm::node
