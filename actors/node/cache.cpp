#include "actors/node/cache.hpp"

namespace gkm::node {

cache_actor_state::cache_actor_state(cache_actor::pointer self, cache_ref ref, cache_peers peers,
                                     std::vector<gpu> gpus, std::optional<catalog_record> record,
                                     uint64_t seed)
    : self_(self),
      ref_(std::move(ref)),
      peers_(std::move(peers)),
      gpus_(std::move(gpus)),
      record_(std::move(record)),
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
      [this](retry_atom, uint64_t epoch) { retry(epoch); },
      [this](withdraw_atom) { withdraw(); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

// -- what happens from outside ------------------------------------------------------------------

void cache_actor_state::wanted(const cache_spec& spec) {
  if (withdrawing_) return;
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
  // What is served may be of the image before, which says nothing of the one that is wanted.
  if (busy_ || !is_refreshing()) return begin();
  // Judging ends the wait for the next try at what failed: that comes right after.
  again_ = moved_ || status_.retry_unix_s != 0;
  judge_served();
}

void cache_actor_state::progressed(const digest& d, uint64_t bytes, uint64_t total) {
  if (pulling_ != d) return;
  status_.pulled_bytes = bytes;
  status_.total_bytes = total;
  report();
}

void cache_actor_state::retry(uint64_t epoch) {
  if (epoch == epoch_ && !busy_ && !withdrawing_) begin();
}

void cache_actor_state::withdraw() {
  if (withdrawing_) return;
  withdrawing_ = true;
  ++epoch_;
  failures_ = 0;
  stop_pulling();
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

void cache_actor_state::report() { self_->send(peers_.reporter, report_atom_v, status_); }

void cache_actor_state::stop_pulling() {
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
