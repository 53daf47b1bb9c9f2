#include "actors/agent/volume_news.hpp"

namespace gkm::node {
namespace {

constexpr int64_t news_s = 600;

}  // namespace

void volume_news::heard(const std::vector<volume_record_change>& changes) {
  for (const auto& [key, record] : changes) {
    if (record && record->phase == volume_phase::mounted)
      mounted_is(key, *record);
    else
      gone_is(key);
  }
  if (!std::exchange(listed_, true)) caf::anon_send(reporter_, volumes_synced_atom_v);
}

void volume_news::mounted_is(const std::string& key, const volume_record& record) {
  mounted_volume use{record.volume_id, record.ref, record.manifest, record.pod_ns, record.pod_name};
  auto [at, fresh] = volumes_.try_emplace(key);
  auto& v = at->second;
  if (!fresh && v.use.ref != use.ref) caf::anon_send(reporter_, unmounted_atom_v, v.use);
  if (fresh || v.use != use) caf::anon_send(reporter_, mounted_atom_v, use);
  v.use = use;
  bool told_before = !listed_ && record.created_unix_s < clock_.unix_seconds() - news_s;
  if (told_before) v.notes_told = record.notes.size();
  for (; v.notes_told < record.notes.size(); ++v.notes_told)
    tell_(record, record.notes[v.notes_told]);
}

void volume_news::gone_is(const std::string& key) {
  auto found = volumes_.extract(key);
  if (found) caf::anon_send(reporter_, unmounted_atom_v, found.mapped().use);
}

}  // namespace gkm::node
