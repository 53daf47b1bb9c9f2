#include "tests/support/sim/sim_node.hpp"

#include <algorithm>

namespace gkm::sim {

void fake_node::write(const catalog_record& record) {
  catalog[record.ref] = record;
  if (record.state == cache_state::extracted) history[record.ref].insert(record.manifest);
  catalog_changed(record.ref);
}

void fake_node::forget(const cache_ref& ref) {
  catalog.erase(ref);
  catalog_changed(ref);
}

void fake_node::write(const volume_record& record) {
  records[record.volume_id] = record;
  record_changed(record.volume_id);
}

void fake_node::erase(const std::string& volume_id) {
  records.erase(volume_id);
  record_changed(volume_id);
}

void fake_node::commit(const stored_cache& facts, const fake_content& content,
                       uint64_t unsynced_boot) {
  set_aside.erase(facts.manifest);
  store[facts.manifest] = {facts, content, unsynced_boot, ++instances_};
}

void fake_node::reboot() {
  records.clear();
  mounts.clear();
  foreign.clear();
  ++boot;
}

void fake_node::lose_power(chaos& c) {
  auto run = records;
  reboot();
  if (c.one_in(2)) records = std::move(run);
  for (auto* place : {&store, &aside})
    for (auto& [d, s] : *place)
      if (s.unsynced_boot != 0 && c.one_in(2)) s.content.whole = false;
  for (auto it = catalog.begin(); it != catalog.end();)
    it = c.one_in(4) ? catalog.erase(it) : std::next(it);
}

bool fake_node::pins(const digest& d) const {
  return std::any_of(records.begin(), records.end(), [&](const auto& entry) {
    return entry.second.manifest == d && entry.second.boot == boot_id();
  });
}

bool fake_node::has_mount(const std::string& volume_id) const {
  return std::any_of(mounts.begin(), mounts.end(),
                     [&](const auto& entry) { return entry.second.volume_id == volume_id; });
}

const fake_stored* fake_node::find_stored(const digest& d) const {
  auto it = store.find(d);
  if (it == store.end()) return nullptr;
  bool trusted = it->second.unsynced_boot == 0 || it->second.unsynced_boot == boot;
  return trusted ? &it->second : nullptr;
}

bool fake_node::still_holds(const fake_mount& m) const {
  auto holds = [&m](const auto& place) {
    auto it = place.find(m.manifest);
    return it != place.end() && it->second.instance == m.instance && it->second.content.whole;
  };
  return holds(store) || holds(aside) || kept_instances.contains(m.instance);
}

std::vector<mounted_volume> fake_node::mounted(const cache_ref& ref) const {
  std::vector<mounted_volume> all;
  for (const auto& [id, r] : records)
    if (r.ref == ref && r.boot == boot_id() && r.phase == volume_phase::mounted)
      all.push_back({id, ref, r.manifest, r.pod_ns, r.pod_name});
  return all;
}

uint64_t fake_node::used_bytes() const {
  uint64_t used = 0;
  for (const auto& [dir, c] : staging) used += c.bytes;
  for (const auto& [d, s] : store) used += s.content.bytes;
  for (const auto& [d, s] : aside) used += s.content.bytes;
  return used;
}

}  // namespace gkm::sim
