#include "k8s/objects/time.hpp"
#include "k8s/objects/types.hpp"
#include "messages/json/json.hpp"
#include "messages/limits.hpp"
#include "messages/names.hpp"

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
  id.uid = limits::cut(o.uid(), limits::name_chars);
  id.resource_version = limits::cut(o.resource_version(), limits::name_chars);
  id.generation = o.generation();
  id.deleting = o.is_deleting();
  // All of them: the list is written back as a whole, and others' must stay in it.
  id.finalizers = o.finalizers();
  return id;
}

std::vector<condition> read_conditions(reader& in) {
  std::vector<condition> all;
  in.each_object("conditions", limits::conditions, [&](reader c) {
    condition one;
    one.name = limits::cut(c.text("type"), limits::name_chars);
    auto status = parse_condition_status(c.text("status"));
    if (!status) c.reject("status", "is none of 'True', 'False' and 'Unknown'");
    one.status = status.value_or(condition_status::unknown);
    one.reason = limits::cut(c.text_or("reason"), limits::reason_chars);
    one.message = limits::cut(c.text_or("message"), limits::message_chars);
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

void read_spec(reader& spec, cache_object& cache) {
  cache.image = spec.text("image");
  if (cache.image.size() > limits::image_chars)
    spec.reject("image", "is longer than " + std::to_string(limits::image_chars) + " characters",
                errc::limit_exceeded);
  spec.each_object("imagePullSecrets", limits::pull_secrets, [&](reader secret) {
    cache.pull_secrets.push_back(limits::cut(secret.text_or("name"), limits::name_chars));
  });
  spec.object("nodeSelector", [&](reader labels) {
    labels.each_text_member(limits::selectors, [&](const auto& key, const auto& value) {
      cache.node_selector.emplace(limits::cut(key, limits::name_chars),
                                  limits::cut(value, limits::name_chars));
    });
  });
}

void read_status(reader& in, cache_object_status& status) {
  status.resolved = digest_or_none(in.text_or("resolvedDigest"));
  status.resolved_image = limits::cut(in.text_or("resolvedImage"), limits::image_chars);
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
  in.each_integer(name, limits::gpus, [&](int64_t id) { ids.push_back(gpu_id(in, name, id)); });
  return ids;
}

void read_misfits(reader& in, report_entry& entry) {
  auto ids = read_ids(in, "incompatibleGPUs");
  std::map<int32_t, std::string> reasons;
  in.each_object("incompatibilityReasons", limits::gpus, [&](reader r) {
    auto id = gpu_id(r, "id", r.integer("id"));
    reasons[id] = limits::cut(r.text_or("reason"), limits::reason_chars);
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
  in.each_object("pods", limits::pods, [&](reader p) {
    entry.pods.push_back({limits::cut(p.text_or("podNamespace"), limits::name_chars),
                          limits::cut(p.text_or("podName"), limits::name_chars),
                          limits::cut(p.text_or("volumeId"), limits::name_chars)});
  });
  entry.pod_count = static_cast<uint32_t>(in.number_or("podCnt", 0, UINT32_MAX));
  return entry;
}

void read_caches(reader& in, node_report& report) {
  in.object("caches", [&](reader caches) {
    caches.each_member(limits::caches, [&](std::string name, reader digests) {
      if (!cache_ref::make(report.ns, name)) return;
      digests.each_member(limits::digests, [&](const std::string& text, reader in_entry) {
        auto manifest = digest::parse(text);
        if (manifest) report.caches[name].emplace(*manifest, read_entry(in_entry));
      });
    });
  });
}

void read_report(reader& in, node_report& report) {
  report.node_name = limits::cut(in.text_or("nodeName"), limits::name_chars);
  report.pull_secret_key = limits::cut(in.text_or("pullSecretKey"), limits::key_chars);
  report.counts = read_counts(in);
  in.each_object("gpus", limits::gpu_groups, [&](reader g) {
    report.gpus.push_back({limits::cut(g.text_or("gpuType"), limits::name_chars),
                           limits::cut(g.text_or("driverVersion"), limits::name_chars),
                           read_ids(g, "ids")});
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

void read_cache_status(reader& in, cache_object& cache) { read_status(in, cache.status); }

}  // namespace

result<cache_object> parse_cache(const object& o) {
  if (!o) return fail(errc::malformed, "the object is missing");
  auto ref = cache_ref::make(o.ns(), o.name());
  if (!ref) return fail(ref.error());
  if (!o.find({"spec"})) return fail(errc::malformed, "spec is missing");
  cache_object cache;
  cache.ref = std::move(*ref);
  cache.object = read_identity(o);
  cache.admitted_digest = digest_or_none(o.annotation(names::resolved_digest_annotation));
  cache.signature_format = limits::cut(o.label(signature_format_label), limits::name_chars);
  cache.kyverno_verified = limits::cut(o.annotation(kyverno_annotation), limits::annotation_chars);
  return read<cache_object>(o, std::move(cache), &read_spec, &read_cache_status);
}

result<node_report> parse_node_report(const object& o) {
  if (!o) return fail(errc::malformed, "the object is missing");
  node_report report;
  report.ns = limits::cut(o.ns(), limits::name_chars);
  report.name = limits::cut(o.name(), limits::name_chars);
  report.object = read_identity(o);
  return read<node_report>(o, std::move(report), nullptr, &read_report);
}

}  // namespace gkm::k8s
