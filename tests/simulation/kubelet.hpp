/// Who asks gkm-csi in a story: any request for any of a few volumes, several at once, and what
/// each answer must mean.
#pragma once

#include "actors/csi/arguments.hpp"
#include "messages/names.hpp"
#include "tests/support/sim/sim_csi_rules.hpp"

namespace gkm::sim {

inline constexpr size_t volume_count = 4;
/// Longer than any wait, rest or retry of a mount.
inline constexpr duration time_to_settle{120'000};

class kubelet {
public:
  kubelet(world& w, complaints& c, csi_process& csi, csi_rules& r,
          std::function<cache_ref()> pick_cache)
      : world_(w), complaints_(c), csi_(csi), rules_(r), pick_cache_(std::move(pick_cache)) {}

  /// Called when a cache is about to be mounted.
  std::function<void(const cache_ref&)> on_publish = [](const cache_ref&) {};

  static std::string volume_id(size_t v) { return "csi-" + std::to_string(v); }
  static std::string pod_ns(size_t v) { return v % 2 ? "b" : "a"; }
  static std::string target(size_t v, size_t which = 0) {
    return std::string(root) + "/pods/" + std::to_string(v) + "/mount" + std::to_string(which);
  }

  uint64_t published() const { return published_; }
  uint64_t fallbacks() const { return fallbacks_; }
  uint64_t cancelled() const { return cancelled_; }

  void request() {
    auto v = chance().below(volume_count);
    auto where =
        target(chance().one_in(20) ? chance().below(volume_count) : v, chance().one_in(10));
    if (chance().one_in(2)) return publish(v, where);
    if (chance().one_in(3)) return measure(v, where);
    unpublish(v, where);
  }

  /// Somebody else mounts something where a volume belongs.
  void occupy_some_target() {
    auto where = target(chance().below(volume_count));
    if (!csi_.node.mounts.contains(where)) csi_.node.foreign.insert(where);
  }

  void publish(size_t v, const std::string& where) {
    auto q = any_arguments(v, where);
    if (!q) return;
    on_publish(q->ref);
    csi_.ask<volume_record>(
        [this, q = *q, faults = chance().struck()](const result<volume_record>& r) {
          count(r);
          if (r)
            rules_.published(q, *r);
          else if (chance().struck() == faults)
            rules_.failed(q, r.error());
        },
        publish_atom_v, *q);
  }

  /// Of a cache that is ready, or will be soon enough.
  void publish_surely(size_t v, const cache_ref& ref) {
    auto q = csi::parse_publish(volume_id(v), target(v), context(v, ref), false, root);
    csi_.ask<volume_record>(
        [this, q = *q](const result<volume_record>& r) {
          count(r);
          if (!r)
            return complaints_.add(q.volume_id + " cannot be published: " + r.error().message);
          rules_.published(q, *r);
        },
        publish_atom_v, *q);
  }

  void unpublish_all() {
    for (size_t v = 0; v < volume_count; ++v)
      for (size_t owner = 0; owner < volume_count; ++owner)
        for (size_t which = 0; which < 2; ++which)
          csi_.ask<bool>(
              [=, this](const result<bool>& gone) {
                if (!gone) complaints_.add(volume_id(v) + " cannot go: " + gone.error().message);
              },
              unpublish_atom_v, volume_id(v), target(owner, which));
  }

private:
  static constexpr auto root = "/var/lib/kubelet";

  chaos& chance() { return world_.chaos(); }

  static std::map<std::string, std::string> context(size_t v, const cache_ref& ref) {
    std::map<std::string, std::string> said{{attribute::cache, ref.name},
                                            {attribute::pod_ns, pod_ns(v)}};
    if (!ref.is_cluster()) said[attribute::ns] = ref.ns;
    return said;
  }

  result<publish_request> any_arguments(size_t v, const std::string& where) {
    auto ref = pick_cache_();
    auto said = context(v, ref);
    said[attribute::wait] = std::to_string(chance().below(6));
    if (chance().one_in(3)) said[attribute::fallback] = "empty";
    if (chance().one_in(2)) said[attribute::mount_path] = "/cache";
    auto q = csi::parse_publish(volume_id(v), where, said, chance().one_in(4), root);
    bool foreign = !ref.is_cluster() && ref.ns != pod_ns(v);
    if (foreign != (!q && q.error().code == errc::unauthorized))
      complaints_.add("a pod of " + pod_ns(v) + " asked for " + ref.str() +
                      " and was judged wrongly");
    return q;
  }

  void count(const result<volume_record>& r) {
    if (r) ++published_;
    if (r && r->view == view_kind::empty) ++fallbacks_;
    if (!r && r.error().code == errc::cancelled) ++cancelled_;
  }

  void unpublish(size_t v, const std::string& where) {
    csi_.ask<bool>(
        [=, this](const result<bool>& gone) {
          if (gone) rules_.unpublished(volume_id(v), where);
        },
        unpublish_atom_v, volume_id(v), where);
  }

  void measure(size_t v, const std::string& where) {
    csi_.ask<volume_stats>(
        [=, this](const result<volume_stats>& s) {
          if (!s && s.error().code != errc::not_found && s.error().code != errc::io &&
              s.error().code != errc::busy && s.error().code != errc::unavailable)
            complaints_.add("stats failed oddly: " + s.error().message);
        },
        stats_atom_v, volume_id(v), where);
  }

  world& world_;
  complaints& complaints_;
  csi_process& csi_;
  csi_rules& rules_;
  const std::function<cache_ref()> pick_cache_;
  uint64_t published_ = 0;
  uint64_t fallbacks_ = 0;
  uint64_t cancelled_ = 0;
};

}  // namespace gkm::sim
