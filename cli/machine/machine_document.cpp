#include "cli/machine/machine_document.hpp"

#include "cli/output/document_fields.hpp"
#include "cli/output/printing.hpp"
#include "messages/errors.hpp"

#include <algorithm>
#include <vector>

namespace gkm::cli {
namespace {

using rapidjson::Value;
using memory = rapidjson::Document::AllocatorType;

bool is_ready(const cache_status& s) {
  return s.state == cache_state::extracted || s.state == cache_state::running;
}

std::string reason_of(const cache_status& s) {
  return std::string(s.state == cache_state::error ? to_string(s.code) : to_string(s.state));
}

struct use {
  uint64_t now = 0;
  uint64_t old = 0;
};

use count_pods(const cache_status& s) {
  use n;
  for (const auto& v : s.volumes)
    if (!v.pod_name.empty()) ++(v.manifest == s.stored.manifest ? n.now : n.old);
  return n;
}

Value mount_of(const machine_mount& m, memory& in) {
  return fields(in)
      .text("path", m.path)
      .text("kind", m.ref.kind())
      .text("namespace", m.ref.ns)
      .text("name", m.ref.name)
      .text("digest", m.manifest.empty() ? std::string() : m.manifest.str())
      .text("view", to_string(m.view))
      .time("since", m.since_unix_s)
      .take();
}

Value digest_of(const cache_status& s, const digest& d, memory& in) {
  bool served = d == s.stored.manifest;
  fields out(in);
  out.text("digest", d.str()).plain("wanted", served);
  out.text("state", served ? to_string(s.state) : std::string_view("Outdated"));
  out.text("reason", served ? reason_of(s) : std::string("Outdated"));
  out.text("message", served ? s.message : std::string("used until what has it mounted ends"));
  out.time("since", served ? s.changed_unix_s : 0);
  out.plain("bytes", served ? s.stored.bytes : 0);
  std::vector<gpu_verdict> fit, misfit;
  for (const auto& g : served ? s.match.gpus : std::vector<gpu_verdict>())
    (g.compatible ? fit : misfit).push_back(g);
  out.list("compatibleGPUs", fit, [](const gpu_verdict& g) { return Value(g.id); });
  out.list("incompatibleGPUs", misfit, [&](const gpu_verdict& g) {
    return fields(in).plain("id", g.id).text("reason", g.reason).take();
  });
  std::vector<mounted_volume> pods;
  for (const auto& v : s.volumes)
    if (v.manifest == d && !v.pod_name.empty()) pods.push_back(v);
  out.list("pods", pods, [&](const mounted_volume& v) {
    return fields(in)
        .text("namespace", v.pod_ns)
        .text("name", v.pod_name)
        .text("volumeId", v.volume_id)
        .take();
  });
  if (served) {
    out.text("type", s.stored.cache_type).plain("files", s.stored.files);
    out.texts("targets", target_names(s.stored.targets));
  }
  return out.take();
}

/// What is served first, then what is still in use.
std::vector<digest> digests_of(const cache_status& s) {
  std::vector<digest> all;
  auto add = [&](const digest& d) {
    if (!d.empty() && std::find(all.begin(), all.end(), d) == all.end()) all.push_back(d);
  };
  add(s.stored.manifest);
  for (const auto& v : s.volumes) add(v.manifest);
  return all;
}

Value cache_of(const cache_status& s, const machine_state& m, const std::string& node, memory& in) {
  auto pods = count_pods(s);
  bool ready = is_ready(s);
  fields out(in);
  out.text("kind", s.ref.kind()).text("namespace", s.ref.ns).text("name", s.ref.name);
  out.text("image", s.image);
  out.text("resolvedDigest", s.resolved.empty() ? std::string() : s.resolved.str());
  out.plain("ready", ready).text("state", to_string(s.state)).text("message", s.message);
  out.plain("deleting", false).plain("nodesReady", ready ? 1 : 0).plain("nodes", 1);
  out.plain("podsRunning", pods.now).plain("podsOutdated", pods.old);
  const std::vector<bool> one{ready};
  out.list("conditions", one, [&](bool is) {
    return fields(in)
        .text("type", "Ready")
        .text("status", is ? "True" : "False")
        .text("reason", reason_of(s))
        .text("message", s.message)
        .time("since", s.changed_unix_s)
        .take();
  });
  out.list("onNodes", one, [&](bool is) {
    return fields(in)
        .text("node", node)
        .text("state", to_string(s.state))
        .plain("ready", is)
        .text("message", s.message)
        .list("digests", digests_of(s), [&](const digest& d) { return digest_of(s, d, in); })
        .take();
  });
  out.texts("warnings", s.warnings);
  out.plain("pulledBytes", s.pulled_bytes).plain("totalBytes", s.total_bytes);
  out.time("retryAt", s.retry_unix_s);
  out.list("mounts", m.mounts_of(s.ref), [&](const auto& mount) { return mount_of(mount, in); });
  return out.take();
}

}  // namespace

rapidjson::Document machine_document(const machine_state& m, const std::string& node) {
  rapidjson::Document doc;
  auto& in = doc.GetAllocator();
  fields out(in);
  out.list("caches", m.caches, [&](const auto& s) { return cache_of(s, m, node, in); });
  out.texts("notes", m.notes);
  out.plain("running", m.running);
  out.list("mounts", m.mounts, [&](const auto& mount) { return mount_of(mount, in); });
  out.list("problems", m.problems, [&](const file_problem& p) {
    return fields(in)
        .text("file", p.file)
        .plain("line", p.line)
        .text("field", p.field)
        .text("message", p.message)
        .take();
  });
  static_cast<Value&>(doc) = out.take();
  return doc;
}

}  // namespace gkm::cli
