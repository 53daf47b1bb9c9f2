#include "actors/csi/mounts/volume_recovery.hpp"

#include "actors/csi/mounts/own_mounts.hpp"
#include "base/program/log.hpp"

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
    sort_out(own_mounts(*table, with_.targets, with_.root, with_.instance));
    auto found = with_.records.list();
    if (!found) return fail(found.error());
    const auto& records = found->records;
    unreadable_ = found->unreadable;
    auto rooms = with_.scratch.recover();
    if (!rooms) return fail(rooms.error());
    for (const auto& record : records)
      if (!leave(record) && !keep(record) && !is_beyond_us(record)) undo(record);
    kept_.insert(unreadable_.begin(), unreadable_.end());
    for (const auto& [target, mounts] : mounts_)
      if (unreadable_.empty())
        take_off_all(target, mounts);
      else
        hold_unrecorded(target, mounts);
    for (const auto& key : *rooms)
      if (!kept_.contains(key) && !is_shown_elsewhere(key))
        tell("discard scratch", key, with_.scratch.discard(key));
    return with_.layers.recover(layers_, !unreadable_.empty() || some_beyond_us_);
  }

private:
  bool is_ours(const std::string& target) const {
    return with_.only_target.empty() ? with_.targets.covers(target) : target == with_.only_target;
  }

  void sort_out(std::map<std::string, std::vector<own_mount>> found) {
    for (auto& [target, mounts] : found) {
      if (is_ours(target))
        mounts_.emplace(target, std::move(mounts));
      else
        elsewhere_.insert(elsewhere_.end(), mounts.begin(), mounts.end());
    }
  }

  bool is_shown_elsewhere(const std::string& key) const {
    return std::any_of(elsewhere_.begin(), elsewhere_.end(), [&](const own_mount& m) {
      return !m.key.empty() && key.starts_with(m.key);
    });
  }

  /// True if the volume is another process's business. No mount outlives its boot.
  bool leave(const volume_record& record) {
    if (record.boot != with_.boot || is_ours(record.target)) return false;
    kept_.insert(volume_key(record.volume_id));
    if (auto layer = layer_of(record)) layers_.insert(*layer);
    return true;
  }

  static std::optional<layer_key> layer_of(const volume_record& record) {
    if (record.view == view_kind::copy || record.mount_path.empty()) return std::nullopt;
    return layer_key::of(record.manifest, record.mount_path);
  }

  /// True if the record's volume is wholly mounted: nothing of it is touched.
  bool keep(const volume_record& record) {
    auto key = volume_key(record.volume_id);
    auto there = mounts_.find(record.target);
    if (record.boot != with_.boot || record.phase != volume_phase::mounted) return false;
    if (there == mounts_.end() || !there->second.back().may_be_of(key, record)) return false;
    held_view held{record.target, record.manifest, record.view, {}, {}};
    for (const auto& mount : there->second) held.mounts.push_back(mount.identity);
    learn_root(record.target, held.mounts.back());
    some_beyond_us_ |= record.core_only;
    held.layer = layer_of(record);
    if (held.layer) layers_.insert(*held.layer);
    with_.held.put(key, std::move(held));
    kept_.insert(key);
    mounts_.erase(there);
    return true;
  }

  /// True if a later version wrote the record, so that it cannot be told whether the volume is half
  /// done: it stays as it is until kubelet asks for its end. No mount outlives its boot.
  bool is_beyond_us(const volume_record& record) {
    if (!record.core_only || record.boot != with_.boot) return false;
    some_beyond_us_ = true;
    kept_.insert(volume_key(record.volume_id));
    base::log::warn("The volume record of a later version stays as it is",
                    {{"volume", record.volume_id}, {"target", record.target}});
    return true;
  }

  /// A view without a record that can be read stays while any such record is there: it may be this
  /// view's. It is known from now on, so that kubelet can have it unmounted.
  void hold_unrecorded(const std::string& target, const std::vector<own_mount>& mounts) {
    base::log::error("A view without a readable volume record stays", {{"target", target}});
    auto key = std::find_if(unreadable_.begin(), unreadable_.end(), [&](const std::string& one) {
      return !mounts.back().key.empty() && one.starts_with(mounts.back().key);
    });
    if (key == unreadable_.end()) return;
    held_view held{target, digest{mounts.back().manifest}, view_kind::overlay, {}, {}};
    for (const auto& mount : mounts) held.mounts.push_back(mount.identity);
    learn_root(target, held.mounts.back());
    with_.held.put(*key, std::move(held));
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
      if (!take_off_all(record.target, there->second)) {
        kept_.insert(key);
        if (auto layer = layer_of(record)) layers_.insert(*layer);
        return;
      }
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
      if (!seen->is_mount) return true;
      if (!ours) return tell("unmount", target, is_gone(mounts));
      if (!tell("unmount", target, take_off(*where))) return false;
    }
    return true;
  }

  /// An error if somebody else's mount hides one of ours.
  result<void> is_gone(const std::vector<own_mount>& mounts) {
    auto table = read_mount_table();
    if (!table) return fail(table.error());
    std::vector<mount_identity> all;
    for (const auto& mount : mounts) all.push_back(mount.identity);
    auto where = seen_at(*table, all);
    if (where.empty()) return {};
    return fail(errc::busy, "Something else is mounted over the view at '" + where + "'");
  }

  bool tell(std::string_view step, const std::string& what, const result<void>& outcome) {
    if (outcome) return true;
    base::log::warn("A step of recovery failed; the next start tries again",
                    {{"step", step}, {"what", what}, {"error", outcome.error().message}});
    return false;
  }

  const recovery_tools& with_;
  std::map<std::string, std::vector<own_mount>> mounts_;
  std::vector<own_mount> elsewhere_;
  std::set<std::string> kept_;
  std::set<std::string> unreadable_;  ///< keys of records that cannot be read
  bool some_beyond_us_ = false;       ///< a record of this boot is `core_only`
  std::multiset<layer_key> layers_;
};

}  // namespace

result<void> recover_volumes(const recovery_tools& with) { return recovery(with).run(); }

}  // namespace gkm::csi
