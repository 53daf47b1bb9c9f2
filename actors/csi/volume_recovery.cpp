#include "actors/csi/volume_recovery.hpp"

#include "actors/csi/own_mounts.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <set>

namespace gkm::csi {
namespace {

class recovery {
public:
  explicit recovery(const recovery_tools& with) : with_(with) {}

  result<void> run() {
    auto table = read_mount_table();
    if (!table) return fail(table.error());
    mounts_ = own_mounts(*table, with_.targets, with_.root, with_.instance);
    auto records = with_.records.list();
    if (!records) return fail(records.error());
    auto rooms = with_.scratch.recover();
    if (!rooms) return fail(rooms.error());
    for (const auto& record : *records)
      if (!keep(record)) undo(record);
    for (const auto& [target, mounts] : mounts_) take_off_all(target, mounts);
    for (const auto& key : *rooms)
      if (!kept_.contains(key)) tell("discard scratch", key, with_.scratch.discard(key));
    return with_.layers.recover(layers_);
  }

private:
  /// True if the record's volume is wholly mounted: nothing of it is touched.
  bool keep(const volume_record& record) {
    auto key = volume_key(record.volume_id);
    auto there = mounts_.find(record.target);
    if (record.boot != with_.boot || record.phase != volume_phase::mounted) return false;
    if (there == mounts_.end() || !there->second.back().may_be_of(key, record)) return false;
    held_view held{record.target, record.manifest, record.view, {}, {}};
    for (const auto& mount : there->second) held.mounts.push_back(mount.identity);
    learn_root(record.target, held.mounts.back());
    if (record.view != view_kind::copy && !record.mount_path.empty())
      held.layer = layer_key::of(record.manifest, record.mount_path);
    if (held.layer) layers_.insert(*held.layer);
    with_.held.put(key, std::move(held));
    kept_.insert(key);
    mounts_.erase(there);
    return true;
  }

  void learn_root(const std::string& target, mount_identity& top) {
    auto where = with_.targets.find(target);
    auto seen = where ? look_at(*where) : fail(where.error());
    if (seen && seen->is_mount && seen->identity.id == top.id) top = seen->identity;
  }

  void undo(const volume_record& record) {
    bool interrupted = record.boot == with_.boot && record.phase == volume_phase::intent;
    base::log::info("Undoing a volume that is not mounted",
                    {{"volume", record.volume_id},
                     {"target", record.target},
                     {"why", record.boot != with_.boot ? "the machine was started again"
                             : interrupted             ? "mounting it was interrupted"
                                                       : "its mount is gone"}});
    auto key = volume_key(record.volume_id);
    if (auto there = mounts_.find(record.target); there != mounts_.end()) {
      if (!take_off_all(record.target, there->second)) return;
      mounts_.erase(there);
    }
    tell("discard scratch", key, with_.scratch.discard(key));
    // Otherwise kubelet publishes again on what is there.
    if (interrupted) tell("remove the target", record.target, with_.targets.remove(record.target));
    tell("remove the record", record.volume_id, with_.records.erase(record.volume_id));
  }

  /// False if some view stayed; then the record stays for the next start.
  bool take_off_all(const std::string& target, const std::vector<own_mount>& mounts) {
    auto where = with_.targets.find(target);
    if (!where) return tell("find the target", target, fail(where.error()));
    for (size_t i = 0; i < mounts.size(); ++i) {
      auto seen = look_at(*where);
      if (!seen) return tell("examine", target, fail(seen.error()));
      bool ours = std::any_of(mounts.begin(), mounts.end(), [&](const own_mount& m) {
        return m.identity.is_same(seen->identity) || m.identity.id == seen->identity.id;
      });
      if (!seen->is_mount || !ours) return true;
      if (!tell("unmount", target, take_off(*where))) return false;
    }
    return true;
  }

  bool tell(std::string_view step, const std::string& what, const result<void>& outcome) {
    if (outcome) return true;
    base::log::warn("A step of recovery failed; the next start tries again",
                    {{"step", step}, {"what", what}, {"error", outcome.error().message}});
    return false;
  }

  const recovery_tools& with_;
  std::map<std::string, std::vector<own_mount>> mounts_;
  std::set<std::string> kept_;
  std::multiset<layer_key> layers_;
};

}  // namespace

result<void> recover_volumes(const recovery_tools& with) { return recovery(with).run(); }

}  // namespace gkm::csi
