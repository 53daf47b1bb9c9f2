#include "actors/node/cache.hpp"

#include "messages/record.hpp"

#include <algorithm>

namespace gkm::node {

cache_actor_state::cache_actor_state(cache_actor::pointer self, cache_ref ref, cache_peers peers,
                                     std::vector<gpu> gpus, std::optional<catalog_record> record,
                                     uint64_t seed)
    : self_(self),
      ref_(std::move(ref)),
      peers_(std::move(peers)),
      gpus_(std::move(gpus)),
      record_(std::move(record)),
      asked_(record_),
      chance_(seed) {
  status_.ref = ref_;
  if (record_ && !record_->manifest.empty()) claims_.insert(record_->manifest);
}

cache_actor::behavior_type cache_actor_state::make_behavior() {
  return {
      [this](wanted_atom, const cache_spec& spec) { wanted(spec); },
      [this](gpus_atom, std::vector<gpu> gpus) { gpus_changed(std::move(gpus)); },
      [this](progress_atom, const digest& d, uint64_t bytes, uint64_t total) {
        progressed(d, bytes, total);
      },
      [this](waits_atom, const digest& d, bool for_others) { waits(d, for_others); },
      [this](mounted_atom, const mounted_volume& v) { mounted(v); },
      [this](unmounted_atom, const mounted_volume& v) { unmounted(v); },
      [this](damaged_atom, const digest& d) { damaged(d); },
      [this](retry_atom, uint64_t epoch) { retry(epoch); },
      [this](withdraw_atom) { withdraw(); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

// -- what happens from outside ------------------------------------------------------------------

void cache_actor_state::wanted(const cache_spec& spec) {
  if (withdrawing_) return;
  // After a restart the same wish is no news.
  news_ = spec_ || (record_ && record_->image != spec.image.str());
  if (spec_ == spec && busy_) {
    // The tag may have moved since this round asked for it.
    again_ = true;
    return;
  }
  spec_ = spec;
  failures_ = 0;
  begin();
}

void cache_actor_state::gpus_changed(std::vector<gpu> gpus) {
  if (withdrawing_ || gpus_ == gpus) return;
  gpus_ = std::move(gpus);
  failures_ = 0;
  if (!spec_) return;
  // What is served may be of the image before, which says nothing of the one that is wanted; it is
  // judged again on its own.
  if (!busy_ && is_serving() && !is_refreshing()) {
    stop_serving();
    restored_ = false;
  }
  if (busy_ || !is_refreshing()) return begin();
  // Judging ends the wait for the next try at what failed: that comes right after.
  again_ = moved_ || status_.retry_unix_s != 0;
  match_served();
}

void cache_actor_state::progressed(const digest& d, uint64_t bytes, uint64_t total) {
  if (pulling_ != d) return;
  status_.pulled_bytes = bytes;
  status_.total_bytes = total;
  report();
}

void cache_actor_state::waits(const digest& d, bool for_others) {
  if (pulling_ != d) return;
  status_.pulled_bytes = status_.total_bytes = 0;
  show(for_others ? "Waiting for other transfers" : "Pulling");
}

void cache_actor_state::mounted(const mounted_volume& v) {
  volumes_[v.volume_id] = v;
  list_volumes();
}

void cache_actor_state::unmounted(const mounted_volume& v) {
  volumes_.erase(v.volume_id);
  list_volumes();
}

void cache_actor_state::damaged(const digest& d) {
  if (withdrawing_ || !spec_ || !claims_.contains(d)) return;
  if (is_serving() && status_.stored.manifest == d) {
    stop_serving();
    status_.warnings = {"what lay in the store was damaged, and is pulled again"};
    show("Damaged in the store");
    // Mounts wait for the next copy instead of looking for this one.
    if (asked_) announce();
  } else if (!busy_) {
    return;
  }
  // A round that is under way may have claimed it while it was whole.
  if (!pulling_) begin();
}

void cache_actor_state::retry(uint64_t epoch) {
  if (epoch == epoch_ && !busy_ && !withdrawing_) begin();
}

void cache_actor_state::withdraw() {
  if (withdrawing_) return;
  withdrawing_ = true;
  ++epoch_;
  failures_ = 0;
  stop_asking();
  forget();
}

// -- helpers of the steps ----------------------------------------------------------------------

/// Serving what the spec names, and only asking whether its tag has moved.
bool cache_actor_state::is_refreshing() const {
  return is_serving() && record_ && record_->image == status_.image;
}

void cache_actor_state::stop_serving() {
  status_.path.clear();
  status_.stored = {};
}

void cache_actor_state::show(const char* step) {
  if (is_refreshing() && !moved_) return;
  status_.message = step;
  status_.code = errc::none;
  status_.retry_unix_s = 0;
  set_state(cache_state::pending);
  report();
}

void cache_actor_state::set_state(cache_state state) {
  if (status_.state != state || status_.changed_unix_s == 0)
    status_.changed_unix_s = peers_.clock->unix_seconds();
  status_.state = state;
}

cache_state cache_actor_state::ready_state() const {
  bool used = std::any_of(volumes_.begin(), volumes_.end(), [&](const auto& entry) {
    return entry.second.manifest == status_.stored.manifest;
  });
  return used ? cache_state::running : cache_state::extracted;
}

void cache_actor_state::list_volumes() {
  status_.volumes.clear();
  for (const auto& [id, v] : volumes_) {
    if (status_.volumes.size() == max_status_volumes) break;
    status_.volumes.push_back(v);
  }
  bool nothing_said_yet = status_.changed_unix_s == 0;
  if (nothing_said_yet || withdrawing_) return;
  if (status_.state == cache_state::extracted || status_.state == cache_state::running)
    set_state(ready_state());
  report();
}

void cache_actor_state::report() {
  auto shown = status_;
  if (volumes_.size() > status_.volumes.size())
    shown.warnings.push_back(std::to_string(volumes_.size()) +
                             " volumes use it, not all are listed");
  self_->send(peers_.reporter, report_atom_v, std::move(shown));
}

/// The work for answers that are not wanted any more ends with this.
void cache_actor_state::stop_asking() {
  self_->send(peers_.puller, abandon_atom_v, ref_);
  if (pulling_) self_->send(peers_.puller, abandon_atom_v, *pulling_, ref_);
  pulling_.reset();
}

void cache_actor_state::add_claim(const digest& d) { claims_.insert(d); }

/// Keeps what the record on disk names, or may name in a moment.
void cache_actor_state::release_claims() {
  auto keep = recording_;
  if (record_ && record_->state == cache_state::extracted) keep.insert(record_->manifest);
  for (auto it = claims_.begin(); it != claims_.end();) {
    if (keep.contains(*it)) {
      ++it;
    } else {
      self_->send(peers_.store, release_atom_v, *it, ref_);
      it = claims_.erase(it);
    }
  }
}

}  // namespace gkm::node
