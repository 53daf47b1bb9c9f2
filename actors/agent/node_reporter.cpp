#include "actors/agent/node_reporter.hpp"

namespace gkm::node {

node_reporter_state::node_reporter_state(node_reporter_actor::pointer self, std::string node_name,
                                         reports_port& port, clock_port& clock, uint64_t seed,
                                         observer observe, std::string pull_secret_key)
    : self_(self),
      node_name_(std::move(node_name)),
      port_(port),
      clock_(clock),
      chance_(seed),
      observe_(std::move(observe)),
      pull_secret_key_(std::move(pull_secret_key)) {
  reports_[""];
}

node_reporter_actor::behavior_type node_reporter_state::make_behavior() {
  renew_after(first_renewal_least, first_renewal_most);
  return {
      [this](report_atom, const cache_status& status) { status_said(status); },
      [this](retract_atom, const cache_ref& ref) { retracted(ref); },
      [this](flush_atom, const cache_ref& ref) { flush(ref.ns); },
      [this](changed_atom, const cache_spec& spec) { wanted(spec); },
      [this](deleted_atom, const cache_ref& ref) { unwanted(ref); },
      [this](synced_atom) { all_known(caches_known_); },
      [this](mounted_atom, const mounted_volume& v) { mounted(v); },
      [this](unmounted_atom, const mounted_volume& v) { unmounted(v); },
      [this](volumes_synced_atom) { all_known(volumes_known_); },
      [this](gpus_atom, const std::vector<gpu>& gpus) {
        gpus_ = group_gpus(gpus);
        waiting_for_ = "Waiting";
        all_known(gpus_known_);
      },
      [this](no_gpus_atom, const std::string& problem) {
        waiting_for_ = "Waiting for the GPU inventory: " + problem;
        all_known(gpus_known_);
      },
      [this](node_atom, const std::string& uid) {
        node_uid_ = uid;
        proceed_all();
      },
      [this](report_seen_atom, const node_report& report) { seen(report); },
      [this](report_gone_atom, const std::string& ns, const std::string& uid) {
        vanished(ns, uid);
      },
      [this](reports_synced_atom) { api_answers(); },
      [this](api_restored_atom) { api_answers(); },
      [](run_atom, const continuation& c) { c.run(); },
  };
}

void node_reporter_state::status_said(const cache_status& status) {
  learn(caches_[status.ref], status);
  proceed(status.ref.ns);
}

void node_reporter_state::retracted(const cache_ref& ref) {
  auto it = caches_.find(ref);
  if (it == caches_.end()) return;
  it->second.status.reset();
  if (it->second.empty()) caches_.erase(it);
  proceed(ref.ns);
}

void node_reporter_state::wanted(const cache_spec& spec) {
  caches_[spec.ref].wanted = spec;
  proceed(spec.ref.ns);
}

void node_reporter_state::unwanted(const cache_ref& ref) {
  auto it = caches_.find(ref);
  if (it == caches_.end()) return;
  it->second.wanted.reset();
  if (it->second.empty()) caches_.erase(it);
  proceed(ref.ns);
}

void node_reporter_state::mounted(const mounted_volume& v) {
  caches_[v.ref].volumes[v.volume_id] = v;
  proceed(v.ref.ns);
}

void node_reporter_state::unmounted(const mounted_volume& v) {
  auto it = caches_.find(v.ref);
  if (it == caches_.end()) return;
  it->second.volumes.erase(v.volume_id);
  if (it->second.empty()) caches_.erase(it);
  proceed(v.ref.ns);
}

void node_reporter_state::all_known(bool& which) {
  which = true;
  proceed_all();
}

/// What failed while it was away need not wait any longer.
void node_reporter_state::api_answers() {
  for (auto& [ns, s] : reports_) s.work.end_pause();
  all_known(reports_known_);
}

void node_reporter_state::renew_after(std::chrono::seconds least, std::chrono::seconds most) {
  std::uniform_int_distribution<int64_t> between(std::chrono::milliseconds(least).count(),
                                                 std::chrono::milliseconds(most).count());
  self_->delayed_send(self_, std::chrono::milliseconds(between(chance_)), run_atom_v,
                      continuation{[this] {
                        renewal_due_ = true;
                        proceed("");
                        renew_after(renewal_least, renewal_most);
                      }});
}

/// The watch also tells of what was written here: that is known already, and maybe outdated.
void node_reporter_state::seen(const node_report& report) {
  auto& s = reports_[report.ns];
  if (s.work.is_busy()) {
    s.deferred = report;
    return;
  }
  take(s, report);
  proceed(report.ns);
}

void node_reporter_state::vanished(const std::string& ns, const std::string& uid) {
  auto& s = reports_[ns];
  if (s.work.is_busy()) {
    s.deferred = gone{uid};
    return;
  }
  if (s.seen && s.seen->object.uid == uid) s.seen.reset();
  proceed(ns);
}

void node_reporter_state::take(slot& s, const node_report& report) {
  if (std::erase(s.echoes, report.object.resource_version) == 0) s.seen = report;
}

void node_reporter_state::take_heard(slot& s) {
  auto deferred = std::exchange(s.deferred, {});
  if (auto* report = std::get_if<node_report>(&deferred)) take(s, *report);
  if (auto* g = std::get_if<gone>(&deferred))
    if (s.seen && s.seen->object.uid == g->uid) s.seen.reset();
}

bool node_reporter_state::has_heard_other(const slot& s) {
  if (const auto* report = std::get_if<node_report>(&s.deferred))
    return !s.seen || report->object != s.seen->object;
  const auto* g = std::get_if<gone>(&s.deferred);
  return g && s.seen && g->uid == s.seen->object.uid;
}

}  // namespace gkm::node
