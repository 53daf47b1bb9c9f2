#include "tests/support/sim/sim_pods.hpp"

namespace gkm::sim {

// -- the records --------------------------------------------------------------------------------

fake_usage::fake_usage(process p, fake_node& n) : process_(std::move(p)), node_(n) {
  node_.record_changed = [this](const std::string& id) { notify(id); };
}

void fake_usage::watch(std::function<void(std::vector<node::volume_record_change>)> changed) {
  changed_ = std::move(changed);
  listed_ = false;
  if (!changed_) return;
  process_.after(process_.chaos().between(0, 2'000), [this] {
    if (!changed_) return;
    listed_ = true;
    std::vector<node::volume_record_change> all;
    for (const auto& [id, r] : node_.records)
      if (auto c = change(id); c.record) all.push_back(std::move(c));
    changed_(std::move(all));
  });
}

node::volume_record_change fake_usage::change(const std::string& id) const {
  auto it = node_.records.find(id);
  if (it == node_.records.end() || it->second.boot != node_.boot_id()) return {id, std::nullopt};
  return {id, it->second};
}

/// What is read is what is there when it is read.
void fake_usage::notify(const std::string& id) {
  auto delay = process_.chaos().strikes() ? process_.chaos().between(0, 3'000)
                                          : process_.chaos().between(0, 50);
  process_.after(delay, [this, id] {
    if (changed_ && listed_) changed_({change(id)});
  });
}

// -- the pods -----------------------------------------------------------------------------------

void pods::then(std::function<void()> step) {
  world_.after(world_.chaos().between(0, 20), [this, step, life = life_] {
    if (life == life_) step();
  });
}

void pods::publish(const cache_ref& ref) {
  if (up_) resolve("csi-" + std::to_string(next_id_++), ref, 0);
}

void pods::resolve(const std::string& id, const cache_ref& ref, int tries) {
  constexpr int max_tries = 3;
  auto found = node_.catalog.find(ref);
  bool usable = found != node_.catalog.end() && found->second.state == cache_state::extracted;
  if (!usable || tries == max_tries) return node_.erase(id);
  volume_record intent;
  intent.volume_id = id;
  intent.boot = node_.boot_id();
  intent.ref = ref;
  intent.target = id;
  intent.manifest = found->second.manifest;
  then([=, this] {
    node_.write(intent);
    then([=, this] { open(id, intent, tries); });
  });
}

void pods::open(const std::string& id, const volume_record& intent, int tries) {
  const auto* found = node_.find_stored(intent.manifest);
  if (!found) return resolve(id, intent.ref, tries + 1);
  node_.mounts[id] = {id, intent.manifest, found->instance, view_kind::readonly};
  then([=, this] { finish(intent); });
}

void pods::finish(const volume_record& intent) {
  auto record = intent;
  record.phase = volume_phase::mounted;
  node_.write(std::move(record));
}

void pods::unpublish_any() {
  if (node_.mounts.empty() || !up_) return;
  auto it = std::next(node_.mounts.begin(),
                      static_cast<ptrdiff_t>(world_.chaos().below(node_.mounts.size())));
  auto id = it->first;
  if (node_.records.at(id).phase != volume_phase::mounted) return;
  then([=, this] {
    node_.mounts.erase(id);
    then([=, this] { node_.erase(id); });
  });
}

void pods::crash() {
  ++life_;
  up_ = false;
  world_.after(world_.chaos().between(0, 10'000), [this, life = life_] {
    if (life == life_) recover();
  });
}

void pods::recover() {
  auto found = node_.records;
  for (const auto& [id, r] : found) {
    bool whole =
        r.boot == node_.boot_id() && r.phase == volume_phase::mounted && node_.mounts.contains(id);
    if (whole) continue;
    node_.mounts.erase(id);
    node_.erase(id);
  }
  up_ = true;
}

}  // namespace gkm::sim
