#include "actors/node/usage.hpp"

#include "base/program/log.hpp"
#include "messages/assert.hpp"

#include <algorithm>

namespace gkm::node {

usage_state::usage_state(usage_actor::pointer self, volume_records_port& port, store_actor store,
                         observer observe)
    : self_(self), port_(port), store_(std::move(store)), observe_(std::move(observe)) {}

usage_actor::behavior_type usage_state::make_behavior() {
  port_.watch([me = usage_actor(self_), this](std::vector<volume_record_change> changes) {
    caf::anon_send(me, run_atom_v,
                   continuation{[this, changes = std::move(changes)] { learned(changes); }});
  });
  return {
      [this](caf::subscribe_atom, volume_listener_actor listener) {
        subscribe(std::move(listener));
      },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

void usage_state::subscribe(volume_listener_actor listener) {
  for (const auto& [key, u] : known_)
    if (u.mounted) self_->send(listener, mounted_atom_v, u.volume);
  if (listed_) self_->send(listener, volumes_synced_atom_v);
  listeners_.push_back(std::move(listener));
}

void usage_state::learned(const std::vector<volume_record_change>& changes) {
  if (observe_) observe_(changes);
  for (const auto& [key, record] : changes) {
    std::optional<use> before, now;
    if (auto found = known_.extract(key)) before = std::move(found.mapped());
    if (record) {
      now =
          use{{record->volume_id, record->ref, record->manifest, record->pod_ns, record->pod_name},
              record->phase == volume_phase::mounted};
      known_[key] = *now;
    }
    if (before != now) tell(before, now);
  }
  if (std::exchange(listed_, true)) return;
  base::log::info("Volumes are known", {{"volumes", known_.size()}});
  GKM_ASSERT_SLOW(
      std::all_of(known_.begin(), known_.end(), [](const auto& k) { return !k.first.empty(); }));
  tell_listeners(volumes_synced_atom_v);
}

/// What is needed now first, then what is not needed any more: nothing in between is unpinned.
void usage_state::tell(const std::optional<use>& before, const std::optional<use>& now) {
  GKM_ASSERT(before || now);
  bool same_digest = before && now && before->volume.manifest == now->volume.manifest;
  bool same_cache = before && now && before->volume.ref == now->volume.ref;
  if (now && now->pins() && !same_digest) self_->send(store_, pin_atom_v, now->volume);
  if (now && now->mounted) tell_listeners(mounted_atom_v, now->volume);
  if (before && before->mounted && !(same_cache && now->mounted))
    tell_listeners(unmounted_atom_v, before->volume);
  if (before && before->pins() && !same_digest) self_->send(store_, unpin_atom_v, before->volume);
}

template <class... Ts>
void usage_state::tell_listeners(const Ts&... message) {
  for (const auto& l : listeners_) self_->send(l, message...);
}

}  // namespace gkm::node
