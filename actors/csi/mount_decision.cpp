#include "actors/csi/mount_decision.hpp"

#include "messages/printable.hpp"

#include <algorithm>

namespace gkm::csi {
namespace {

constexpr size_t max_reason_chars = 1'000;

mount_decision decide_failed(const catalog_record& r) {
  auto reason = printable(r.reason, max_reason_chars);
  if (r.code == errc::none) {
    // Written before records had a kind: what was remembered then was an image that does not fit.
    if (reason.empty()) return not_yet{"it failed and is tried again"};
    return hopeless{{errc::incompatible, "'" + r.ref.str() + "' cannot be used: " + reason, {}}};
  }
  if (is_permanent(r.code))
    return hopeless{{r.code, "'" + r.ref.str() + "' cannot be used: " + reason, {}}};
  return not_yet{"it failed and is tried again: " + reason};
}

const char* reason_of(errc code) {
  if (code == errc::incompatible) return "CacheIncompatible";
  return is_permanent(code) ? "CacheRefused" : "CacheUnavailable";
}

volume_record describe(const publish_request& q) {
  volume_record r;
  r.volume_id = q.volume_id;
  r.target = q.target;
  r.ref = q.ref;
  r.view = q.view;
  r.mount_path = q.mount_path;
  r.scratch_bytes = q.scratch_bytes;
  r.pod_ns = q.pod_ns;
  r.pod_name = q.pod_name;
  r.pod_uid = q.pod_uid;
  return r;
}

}  // namespace

mount_decision decide_mount(const cache_ref& ref, const result<catalog_record>& found) {
  if (!found) {
    auto e = found.error();
    if (e.code == errc::not_found)
      return not_yet{
          "this node has no cache of that name: check its name and namespace, and that it is "
          "applied and selects this node ('kubectl gkm status' lists them)",
          false};
    if (is_permanent(e.code)) return hopeless{std::move(e)};
    return not_yet{std::move(e.message)};
  }
  if (found->ref != ref)
    return hopeless{{errc::malformed,
                     "The record of '" + ref.str() + "' is about '" + found->ref.str() +
                         "'; apply the cache again so that it is written anew",
                     {}}};
  switch (found->state) {
    case cache_state::pending:
      return not_yet{"it is being fetched"};
    case cache_state::extracted:
    case cache_state::running:
    case cache_state::outdated:
      if (found->manifest.empty()) return not_yet{"its record names no content"};
      return usable{*found};
    case cache_state::error:
      return decide_failed(*found);
  }
  return not_yet{"its record says nothing that is known"};
}

volume_record intent_for(const publish_request& request, const catalog_record& cache) {
  auto r = describe(request);
  r.manifest = cache.manifest;
  r.cache_files = cache.files;
  r.cache_bytes = cache.bytes;
  if (!cache.reason.empty())
    r.notes.push_back({"CacheOutdated", "The pod gets the earlier image " + cache.resolved.str() +
                                            " of '" + cache.ref.str() +
                                            "': the image that is wanted by now is not ready "
                                            "on this node: " +
                                            printable(cache.reason, max_reason_chars)});
  if (cache.relocated_files > 0 && request.mount_path.empty())
    r.notes.push_back({"CacheNotRelocated",
                       std::to_string(cache.relocated_files) + " files of '" + cache.ref.str() +
                           "' hold paths of the machine that made it, and the framework may not "
                           "find its kernels: set csi.gkm.io/mountPath to the volume's mountPath"});
  return r;
}

volume_record empty_intent_for(const publish_request& request, const error& why) {
  auto r = describe(request);
  r.view = view_kind::empty;
  r.notes.push_back(
      {reason_of(why.code), "The pod starts with an empty cache directory: " + why.message});
  return r;
}

bool may_fall_back(const publish_request& request, const error& why) {
  return request.fallback_empty && why.code != errc::conflict && why.code != errc::cancelled &&
         why.code != errc::unauthorized;
}

std::optional<volume_note> note_of(const volume_record& record, const volume_stats& stats) {
  constexpr const char* reason = "ScratchTooLarge";
  if (!stats.problem.starts_with(wrote_too_much)) return std::nullopt;
  bool is_told = std::any_of(record.notes.begin(), record.notes.end(),
                             [](const volume_note& n) { return n.reason == reason; });
  if (is_told || record.notes.size() >= max_volume_notes) return std::nullopt;
  return volume_note{reason, stats.problem};
}

}  // namespace gkm::csi
