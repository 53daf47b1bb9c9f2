/// What must hold in gkm-csi's world: always, of each answer, and in the end.
#pragma once

#include "tests/support/sim/sim_complaints.hpp"
#include "tests/support/sim/sim_csi_process.hpp"

#include <set>
#include <string>

namespace gkm::sim {

class csi_rules {
public:
  csi_rules(complaints& c, csi_process& csi) : complaints_(c), csi_(csi) {}

  void published(const publish_request& q, const volume_record& r) {
    auto seen = csi_.node.mounts.find(q.target);
    if (seen == csi_.node.mounts.end() || seen->second.volume_id != q.volume_id)
      return complain(q.volume_id + " is said to be published, but not mounted");
    auto record = csi_.node.records.find(q.volume_id);
    if (record == csi_.node.records.end() || record->second != r ||
        r.phase != volume_phase::mounted)
      complain(q.volume_id + " is said to be published, but its record says otherwise");
    if (r.ref != q.ref || r.target != q.target || seen->second.manifest != r.manifest)
      complain(q.volume_id + " shows something else than what was asked for");
    if (r.view == view_kind::empty && r.notes.empty())
      complain(q.volume_id + " is empty, and nothing says why");
  }

  /// Without a fault, what failed has left nothing; unless there was something already, or the
  /// target is somebody else's.
  void failed(const publish_request& q, const error& e) {
    if (e.code == errc::conflict || e.code == errc::busy || !csi_.volumes.recovered) return;
    check_gone(q.volume_id, "failed with " + e.message);
  }

  void unpublished(const std::string& id, const std::string& where) {
    auto seen = csi_.node.mounts.find(where);
    if (seen != csi_.node.mounts.end() && seen->second.volume_id == id)
      complain(id + " is said to be unpublished, but still mounted");
    auto record = csi_.node.records.find(id);
    if (record == csi_.node.records.end())
      check_gone(id, "is said to be unpublished");
    else if (record->second.target == where)
      complain(id + " is said to be unpublished, but its record is still there");
  }

  void check_gone(const std::string& id, const std::string& though) {
    if (csi_.node.has_mount(id)) complain(id + " " + though + ", but is mounted");
    if (csi_.node.records.contains(id)) complain(id + " " + though + ", but has a record");
    if (csi_.node.scratch.contains(id)) complain(id + " " + though + ", but has scratch");
  }

  // -- what must hold always --

  void always() {
    for (auto& p : std::exchange(csi_.node.problems, {})) complain(p);
    std::set<std::string> seen;
    for (const auto& [where, m] : csi_.node.mounts) {
      if (!seen.insert(m.volume_id).second) complain("two views of " + m.volume_id);
      auto record = csi_.node.records.find(m.volume_id);
      if (record == csi_.node.records.end() || record->second.target != where)
        complain(m.volume_id + " is mounted without a record");
      else
        check_content(m, record->second);
    }
  }

  void check_content(const fake_mount& m, const volume_record& r) {
    if (m.view != view_kind::readonly && !csi_.node.scratch.contains(m.volume_id))
      complain(m.volume_id + " has lost its scratch while mounted");
    if (!r.ref.is_cluster() && r.ref.ns != r.pod_ns)
      complain(m.volume_id + " shows a cache of another namespace");
    if (m.instance == 0) return;
    if (r.manifest != m.manifest || !csi_.node.history[r.ref].contains(m.manifest))
      complain(m.volume_id + " shows what " + r.ref.str() + " never was");
    if (!csi_.node.still_holds(m)) complain(m.volume_id + " shows a digest that was collected");
  }

  void nothing_left() {
    for (const auto& [where, m] : csi_.node.mounts) complain("a mount is left at " + where);
    for (const auto& [id, r] : csi_.node.records) complain("a record is left of " + id);
    for (const auto& id : csi_.node.scratch) complain("scratch is left of " + id);
    for (const auto& where : csi_.node.targets) complain("a target is left: " + where);
    if (csi_.unanswered) complain(std::to_string(csi_.unanswered) + " requests were not answered");
    if (csi_.catalog.watches()) complain("something is still being watched");
  }

private:
  void complain(const std::string& what) { complaints_.add(what); }

  complaints& complaints_;
  csi_process& csi_;
};

}  // namespace gkm::sim
