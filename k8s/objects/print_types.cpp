#include "k8s/objects/patch.hpp"
#include "k8s/objects/time.hpp"
#include "k8s/objects/types.hpp"
#include "messages/limits.hpp"

#include <rapidjson/document.h>

#include <algorithm>

namespace gkm::k8s {
namespace {

using rapidjson::Value;
using memory = rapidjson::Document::AllocatorType;

constexpr size_t max_label_chars = 63;

// One JSON object, member by member.
class members {
public:
  explicit members(memory& in) : in_(in) {}

  members& put(const char* name, Value value) {
    root_.AddMember(rapidjson::StringRef(name), std::move(value), in_);
    return *this;
  }
  members& put(const char* name, std::string_view value) { return put(name, text(value)); }
  members& put_some(const char* name, std::string_view value) {
    return value.empty() ? *this : put(name, value);
  }
  members& put(const char* name, int64_t value) { return put(name, Value(value)); }
  members& put_time(const char* name, int64_t unix_s) {
    return unix_s == 0 ? *this : put(name, print_time(unix_s));
  }
  /// `print` makes a Value of each; nothing for an empty list.
  template <class List, class F>
  members& put_list(const char* name, const List& list, F print) {
    if (list.empty()) return *this;
    Value array(rapidjson::kArrayType);
    for (const auto& one : list) array.PushBack(print(one), in_);
    return put(name, std::move(array));
  }
  members& put_at(std::string_view name, Value value) {
    root_.AddMember(text(name), std::move(value), in_);
    return *this;
  }
  bool empty() const { return root_.ObjectEmpty(); }
  Value take() { return std::move(root_); }

private:
  Value text(std::string_view value) {
    auto fit = valid_utf8(value);
    return Value(fit.data(), static_cast<rapidjson::SizeType>(fit.size()), in_);
  }

  memory& in_;
  Value root_{rapidjson::kObjectType};
};

Value print(const condition& c, memory& in) {
  members out(in);
  out.put("type", c.name)
      .put("status", to_string(c.status))
      .put("reason", limits::cut(c.reason, limits::reason_chars));
  out.put("message", limits::cut(c.message, limits::message_chars))
      .put("lastTransitionTime", print_time(c.changed_unix_s));
  if (c.observed_generation != 0) out.put("observedGeneration", c.observed_generation);
  return out.take();
}

Value print(const cache_counts& c, memory& in) {
  members out(in);
  out.put("nodeCnt", int64_t{c.nodes}).put("nodeInUseCnt", int64_t{c.nodes_in_use});
  out.put("nodeNotInUseCnt", int64_t{c.nodes_not_in_use});
  out.put("nodeErrorCnt", int64_t{c.nodes_error});
  out.put("podRunningCnt", int64_t{c.pods_running});
  out.put("podOutdatedCnt", int64_t{c.pods_outdated});
  return out.take();
}

void put_conditions(members& out, const std::vector<condition>& conditions, memory& in) {
  out.put_list("conditions", conditions, [&](const auto& c) { return print(c, in); });
}

Value print(const report_entry& e, memory& in) {
  members out(in);
  auto number = [](int32_t id) { return Value(id); };
  out.put_list("compatibleGPUs", e.compatible_gpus, number);
  out.put_list("incompatibleGPUs", e.incompatible_gpus,
               [](const auto& misfit) { return Value(misfit.id); });
  auto reasons = e.incompatible_gpus;
  std::erase_if(reasons, [](const auto& misfit) { return misfit.reason.empty(); });
  out.put_list("incompatibilityReasons", reasons, [&](const auto& misfit) {
    return members(in)
        .put("id", int64_t{misfit.id})
        .put("reason", limits::cut(misfit.reason, limits::reason_chars))
        .take();
  });
  put_conditions(out, e.conditions, in);
  out.put_time("lastUpdated", e.updated_unix_s);
  if (e.volume_bytes != 0) out.put("volumeSize", static_cast<int64_t>(e.volume_bytes));
  out.put_list("pods", e.pods, [&](const auto& pod) {
    return members(in)
        .put_some("podNamespace", pod.ns)
        .put_some("podName", pod.name)
        .put_some("volumeId", pod.volume_id)
        .take();
  });
  if (e.pod_count != 0) out.put("podCnt", int64_t{e.pod_count});
  return out.take();
}

Value print(const cache_object_status& s, memory& in) {
  members out(in);
  out.put_some("resolvedDigest", s.resolved.str()).put_some("resolvedImage", s.resolved_image);
  put_conditions(out, s.conditions, in);
  out.put("counts", print(s.counts, in));
  if (s.observed_generation != 0) out.put("observedGeneration", s.observed_generation);
  out.put_time("lastUpdated", s.updated_unix_s);
  return out.take();
}

Value print(const node_report& r, memory& in) {
  members out(in);
  out.put("nodeName", r.node_name).put("counts", print(r.counts, in));
  out.put_some("pullSecretKey", r.pull_secret_key);
  out.put_list("gpus", r.gpus, [&](const auto& g) {
    members group(in);
    group.put_some("gpuType", limits::cut(g.gpu_type, limits::name_chars));
    group.put_some("driverVersion", limits::cut(g.driver_version, limits::name_chars));
    group.put_list("ids", g.ids, [](int32_t id) { return Value(id); });
    return group.take();
  });
  members caches(in);
  for (const auto& [name, digests] : r.caches) {
    members one(in);
    for (const auto& [manifest, entry] : digests) one.put_at(manifest.str(), print(entry, in));
    caches.put_at(name, one.take());
  }
  if (!caches.empty()) out.put("caches", caches.take());
  if (r.omitted != 0) out.put("omittedCnt", int64_t{r.omitted});
  out.put_time("renewTime", r.renewed_unix_s);
  return out.take();
}

// What was never written has no fields at all, not even those that are always there.
template <class T>
std::optional<std::string> patch(bool written, const T& seen, const T& wanted) {
  memory in;
  members from(in);
  from.put("status", written ? print(seen, in) : Value(rapidjson::kObjectType));
  return merge_difference(from.take(), members(in).put("status", print(wanted, in)).take());
}

}  // namespace

std::optional<std::string> status_patch(const cache_object_status& seen,
                                        const cache_object_status& wanted) {
  return patch(seen != cache_object_status{}, seen, wanted);
}

std::optional<std::string> status_patch(const node_report& seen, const node_report& wanted) {
  return patch(!seen.node_name.empty(), seen, wanted);
}

std::string new_node_report(const node_report& report, const owner_reference& node) {
  const auto& what = reports_in(report.ns);
  draft d(what, {report.ns, report.name});
  // Longer names are no label's value, and such a label no node has.
  if (report.node_name.size() <= max_label_chars)
    d.set({"metadata", "labels", hostname_label}, report.node_name);
  d.set({"metadata", "ownerReferences"}, std::vector<owner_reference>{node});
  return d.print();
}

}  // namespace gkm::k8s
