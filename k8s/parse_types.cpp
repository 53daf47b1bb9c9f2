#include "k8s/time.hpp"
#include "k8s/type_limits.hpp"
#include "k8s/types.hpp"
#include "messages/json.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace gkm::k8s {
namespace {

using gkm::json::reader;

int64_t read_time(reader& in, const char* name) {
  auto text = in.text_or(name);
  if (text.empty()) return 0;
  auto time = parse_time(text);
  if (!time) in.reject(name, "must be a time");
  return time.value_or(0);
}

// Of a text that nobody vouches for: what is no digest counts as none.
digest digest_or_none(std::string_view text) { return digest::parse(text).value_or(digest{}); }

object_identity read_identity(const object& o) {
  object_identity id;
  id.uid = cut(o.uid(), max_name_chars);
  id.resource_version = cut(o.resource_version(), max_name_chars);
  id.generation = o.generation();
  id.deleting = o.is_deleting();
  // All of them: the list is written back as a whole, and others' must stay in it.
  id.finalizers = o.finalizers();
  return id;
}

std::vector<condition> read_conditions(reader& in) {
  std::vector<condition> all;
  in.each_object("conditions", max_conditions, [&](reader c) {
    condition one;
    one.name = cut(c.text("type"), max_name_chars);
    auto status = parse_condition_status(c.text("status"));
    if (!status) c.reject("status", "is none of 'True', 'False' and 'Unknown'");
    one.status = status.value_or(condition_status::unknown);
    one.reason = cut(c.text_or("reason"), max_reason_chars);
    one.message = cut(c.text_or("message"), max_message_chars);
    one.observed_generation = c.integer_or("observedGeneration");
    one.changed_unix_s = read_time(c, "lastTransitionTime");
    all.push_back(std::move(one));
  });
  return all;
}

cache_counts read_counts(reader& in) {
  cache_counts counts;
  in.object("counts", [&](reader c) {
    auto number = [&](const char* name) {
      return static_cast<uint32_t>(c.number_or(name, 0, UINT32_MAX));
    };
    counts = {number("nodeCnt"),      number("nodeInUseCnt"),  number("nodeNotInUseCnt"),
              number("nodeErrorCnt"), number("podRunningCnt"), number("podOutdatedCnt")};
  });
  return counts;
}

void read_spec(reader& spec, cluster_cache& cache) {
  cache.image = spec.text("image");
  if (cache.image.size() > max_image_chars)
    spec.reject("image", "is longer than " + std::to_string(max_image_chars) + " characters",
                errc::limit_exceeded);
  spec.each_object("imagePullSecrets", max_pull_secrets, [&](reader secret) {
    cache.pull_secrets.push_back(cut(secret.text_or("name"), max_name_chars));
  });
  spec.object("nodeSelector", [&](reader labels) {
    labels.each_text_member(max_selectors, [&](const auto& key, const auto& value) {
      cache.node_selector.emplace(cut(key, max_name_chars), cut(value, max_name_chars));
    });
  });
}

void read_status(reader& in, cluster_cache_status& status) {
  status.resolved = digest_or_none(in.text_or("resolvedDigest"));
  status.resolved_image = cut(in.text_or("resolvedImage"), max_image_chars);
  status.conditions = read_conditions(in);
  status.counts = read_counts(in);
  status.observed_generation = in.integer_or("observedGeneration");
  status.updated_unix_s = read_time(in, "lastUpdated");
}

int32_t gpu_id(reader& in, const char* name, int64_t id) {
  if (!std::in_range<int32_t>(id)) in.reject(name, "is out of range");
  return static_cast<int32_t>(id);
}

std::vector<int32_t> read_ids(reader& in, const char* name) {
  std::vector<int32_t> ids;
  in.each_integer(name, max_gpus, [&](int64_t id) { ids.push_back(gpu_id(in, name, id)); });
  return ids;
}

void read_misfits(reader& in, report_entry& entry) {
  auto ids = read_ids(in, "incompatibleGPUs");
  std::map<int32_t, std::string> reasons;
  in.each_object("incompatibilityReasons", max_gpus, [&](reader r) {
    auto id = gpu_id(r, "id", r.integer("id"));
    reasons[id] = cut(r.text_or("reason"), max_reason_chars);
  });
  std::set<int32_t> known;  // an id that is there twice would cost its reason twice
  for (auto id : ids)
    if (known.insert(id).second) entry.incompatible_gpus.push_back({id, false, reasons[id]});
}

report_entry read_entry(reader& in) {
  report_entry entry;
  entry.compatible_gpus = read_ids(in, "compatibleGPUs");
  read_misfits(in, entry);
  entry.conditions = read_conditions(in);
  entry.updated_unix_s = read_time(in, "lastUpdated");
  entry.volume_bytes = in.number_or("volumeSize");
  in.each_object("pods", max_pods, [&](reader p) {
    entry.pods.push_back({cut(p.text_or("podNamespace"), max_name_chars),
                          cut(p.text_or("podName"), max_name_chars),
                          cut(p.text_or("volumeId"), max_name_chars)});
  });
  entry.pod_count = static_cast<uint32_t>(in.number_or("podCnt", 0, UINT32_MAX));
  return entry;
}

void read_caches(reader& in, node_report& report) {
  in.object("caches", [&](reader caches) {
    caches.each_member(max_caches, [&](std::string name, reader digests) {
      if (!cache_ref::make(report.ns, name)) return;
      digests.each_member(max_digests, [&](const std::string& text, reader in_entry) {
        auto manifest = digest::parse(text);
        if (manifest) report.caches[name].emplace(*manifest, read_entry(in_entry));
      });
    });
  });
}

void read_report(reader& in, node_report& report) {
  report.node_name = cut(in.text_or("nodeName"), max_name_chars);
  report.pull_secret_key = cut(in.text_or("pullSecretKey"), max_key_chars);
  report.counts = read_counts(in);
  in.each_object("gpus", max_gpu_groups, [&](reader g) {
    report.gpus.push_back({cut(g.text_or("gpuType"), max_name_chars),
                           cut(g.text_or("driverVersion"), max_name_chars), read_ids(g, "ids")});
  });
  read_caches(in, report);
  report.omitted = static_cast<uint32_t>(in.number_or("omittedCnt", 0, UINT32_MAX));
  report.renewed_unix_s = read_time(in, "renewTime");
}

template <class T>
result<T> read(const object& o, T value, void (*spec)(reader&, T&), void (*status)(reader&, T&)) {
  error problem;
  reader root(o.json(), "", problem);
  if (spec) root.object("spec", [&](reader in) { spec(in, value); });
  root.object("status", [&](reader in) { status(in, value); });
  if (problem.code != errc::none) return fail(std::move(problem));
  return value;
}

void read_cache_status(reader& in, cluster_cache& cache) { read_status(in, cache.status); }

}  // namespace

result<cluster_cache> parse_cache(const object& o) {
  if (!o) return fail(errc::malformed, "the object is missing");
  auto ref = cache_ref::make(o.ns(), o.name());
  if (!ref) return fail(ref.error());
  if (!o.find({"spec"})) return fail(errc::malformed, "spec is missing");
  cluster_cache cache;
  cache.ref = std::move(*ref);
  cache.object = read_identity(o);
  cache.pinned = digest_or_none(o.annotation(resolved_digest_annotation));
  cache.signature_format = cut(o.label(signature_format_label), max_name_chars);
  cache.kyverno_verified = cut(o.annotation(kyverno_annotation), max_annotation_chars);
  return read<cluster_cache>(o, std::move(cache), &read_spec, &read_cache_status);
}

result<node_report> parse_node_report(const object& o) {
  if (!o) return fail(errc::malformed, "the object is missing");
  node_report report;
  report.ns = cut(o.ns(), max_name_chars);
  report.name = cut(o.name(), max_name_chars);
  report.object = read_identity(o);
  return read<node_report>(o, std::move(report), nullptr, &read_report);
}

}  // namespace gkm::k8s
