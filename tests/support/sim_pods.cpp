#include "tests/support/sim_pods.hpp"

namespace gkm::sim {
namespace {

std::string boot_of(const fake_disk& disk) { return std::to_string(disk.boot); }

}  // namespace

// -- the records --------------------------------------------------------------------------------

void fake_usage::watch(std::function<void(std::vector<node::usage_change>)> changed) {
  changed_ = std::move(changed);
  listed_ = false;
  if (!changed_) return;
  world_.after(world_.chaos().between(0, 2'000), [this] {
    if (!changed_) return;
    listed_ = true;
    std::vector<node::usage_change> all;
    for (const auto& [id, r] : records)
      if (auto c = change(id); c.record) all.push_back(std::move(c));
    changed_(std::move(all));
  });
}

void fake_usage::write(volume_record record) {
  auto id = record.volume_id;
  records[id] = std::move(record);
  notify(id);
}

void fake_usage::erase(const std::string& id) {
  records.erase(id);
  notify(id);
}

bool fake_usage::name(const digest& d) const {
  return std::any_of(records.begin(), records.end(), [&](const auto& entry) {
    return entry.second.manifest == d && entry.second.boot == boot_of(disk_);
  });
}

node::usage_change fake_usage::change(const std::string& id) const {
  auto it = records.find(id);
  if (it == records.end() || it->second.boot != boot_of(disk_)) return {id, std::nullopt};
  return {id, it->second};
}

/// What is read is what is there when it is read.
void fake_usage::notify(const std::string& id) {
  auto delay =
      world_.chaos().strikes() ? world_.chaos().between(0, 3'000) : world_.chaos().between(0, 50);
  world_.after(delay, [this, id] {
    if (changed_ && listed_) changed_({change(id)});
  });
}

// -- the pods -----------------------------------------------------------------------------------

void pods::then(std::function<void()> step) {
  world_.outside(world_.chaos().between(0, 20), [this, step, life = life_] {
    if (life == life_) step();
  });
}

void pods::publish(const cache_ref& ref) {
  if (up_) resolve("csi-" + std::to_string(next_id_++), ref, 0);
}

void pods::resolve(const std::string& id, const cache_ref& ref, int tries) {
  constexpr int max_tries = 3;
  auto found = disk_.records.find(ref);
  bool usable = found != disk_.records.end() && found->second.state == cache_state::extracted;
  if (!usable || tries == max_tries) return volumes_.erase(id);
  volume_record intent;
  intent.volume_id = id;
  intent.boot = boot_of(disk_);
  intent.ref = ref;
  intent.manifest = found->second.manifest;
  then([=, this] {
    volumes_.write(intent);
    then([=, this] { open(id, intent, tries); });
  });
}

void pods::open(const std::string& id, const volume_record& intent, int tries) {
  auto found = disk_.store.find(intent.manifest);
  bool there = found != disk_.store.end() &&
               (found->second.unsynced_boot == 0 || found->second.unsynced_boot == disk_.boot);
  if (!there) return resolve(id, intent.ref, tries + 1);
  mounts[id] = {intent.ref, intent.manifest, found->second.inode};
  then([=, this] { finish(intent); });
}

void pods::finish(const volume_record& intent) {
  auto record = intent;
  record.phase = volume_phase::mounted;
  volumes_.write(std::move(record));
}

void pods::unpublish_any() {
  if (mounts.empty() || !up_) return;
  auto it = std::next(mounts.begin(), static_cast<ptrdiff_t>(world_.chaos().below(mounts.size())));
  auto id = it->first;
  if (volumes_.records.at(id).phase != volume_phase::mounted) return;
  then([=, this] {
    mounts.erase(id);
    then([=, this] { volumes_.erase(id); });
  });
}

void pods::crash() {
  ++life_;
  up_ = false;
  world_.outside(world_.chaos().between(0, 10'000), [this, life = life_] {
    if (life == life_) recover();
  });
}

void pods::recover() {
  auto found = volumes_.records;
  for (const auto& [id, r] : found) {
    bool whole =
        r.boot == boot_of(disk_) && r.phase == volume_phase::mounted && mounts.contains(id);
    if (whole) continue;
    mounts.erase(id);
    volumes_.erase(id);
  }
  up_ = true;
}

void pods::lose_power() {
  mounts.clear();
  if (world_.chaos().one_in(2)) volumes_.records.clear();
  crash();
}

std::vector<mounted_volume> pods::mounted(const cache_ref& ref) const {
  std::vector<mounted_volume> all;
  for (const auto& [id, r] : volumes_.records)
    if (r.ref == ref && r.boot == boot_of(disk_) && r.phase == volume_phase::mounted)
      all.push_back({id, ref, r.manifest, r.pod_ns, r.pod_name});
  return all;
}

}  // namespace gkm::sim
