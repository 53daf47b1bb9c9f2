#include "cli/cluster/cluster_document.hpp"

#include "cli/output/document_fields.hpp"
#include "messages/printable.hpp"

namespace gkm::cli {
namespace {

using rapidjson::Value;
using memory = rapidjson::Document::AllocatorType;

Value condition_of(const condition& c, memory& in) {
  return fields(in)
      .text("type", c.name)
      .text("status", to_string(c.status))
      .text("reason", c.reason)
      .text("message", c.message)
      .time("since", c.changed_unix_s)
      .take();
}

Value digest_of(const digest& held, const report_entry& e, bool wanted, memory& in) {
  auto stands = standing_of(e);
  static const condition none;
  const auto& why = stands.why ? *stands.why : none;
  fields out(in);
  out.text("digest", held.str()).plain("wanted", wanted).text("state", to_string(stands.state));
  out.text("reason", why.reason).text("message", why.message).time("since", why.changed_unix_s);
  out.plain("bytes", e.volume_bytes);
  out.list("compatibleGPUs", e.compatible_gpus, [](int32_t id) { return Value(id); });
  out.list("incompatibleGPUs", e.incompatible_gpus, [&](const auto& g) {
    return fields(in).plain("id", g.id).text("reason", g.reason).take();
  });
  out.list("pods", e.pods, [&](const auto& p) {
    return fields(in)
        .text("namespace", p.ns)
        .text("name", p.name)
        .text("volumeId", p.volume_id)
        .take();
  });
  return out.take();
}

Value node_of(const cluster_row& row, const cache_object& cache, const node_entries& entries,
              memory& in) {
  fields out(in);
  out.text("node", row.node).text("state", row.state).plain("ready", row.good);
  out.text("message", row.message);
  out.list("digests", entries, [&](const auto& held) {
    return digest_of(held.first, held.second, held.first == cache.status.resolved, in);
  });
  return out.take();
}

Value cache_of(const cluster_snapshot& picture, const cache_object& cache, memory& in) {
  auto rows = rows_of(picture, cache);
  const auto& whole = rows.front();
  fields out(in);
  out.text("kind", cache.ref.kind()).text("namespace", cache.ref.ns).text("name", cache.ref.name);
  out.text("image", cache.image).text("resolvedDigest", cache.status.resolved.str());
  out.plain("ready", whole.good).text("state", whole.state).text("message", whole.message);
  out.plain("deleting", cache.object.deleting);
  out.plain("nodesReady", whole.nodes_ready).plain("nodes", whole.nodes);
  out.plain("podsRunning", whole.pods_now).plain("podsOutdated", whole.pods_old);
  out.list("conditions", cache.status.conditions,
           [&](const auto& c) { return condition_of(c, in); });
  const auto& held = picture.on_nodes(cache.ref);
  out.list("onNodes", std::span(rows).subspan(1),
           [&](const auto& row) { return node_of(row, cache, held.at(row.node), in); });
  return out.take();
}

// C1 controls, which some terminals take for escapes, are two bytes of UTF-8.
bool is_c1(std::string_view text, size_t i) {
  if (static_cast<unsigned char>(text[i]) != 0xc2 || i + 1 >= text.size()) return false;
  auto next = static_cast<unsigned char>(text[i + 1]);
  return next >= 0x80 && next <= 0x9f;
}

}  // namespace

std::string harmless(std::string_view text) {
  constexpr char del = 0x7f;
  auto out = valid_utf8(text);
  size_t to = 0;
  for (size_t from = 0; from < out.size(); ++from) {
    bool c1 = is_c1(out, from);
    out[to++] = c1 || out[from] == del ? '?' : out[from];
    if (c1) ++from;
  }
  out.resize(to);
  return out;
}

rapidjson::Document cluster_document(const cluster_snapshot& picture,
                                     const std::vector<std::string>& notes) {
  rapidjson::Document doc(rapidjson::kObjectType);
  auto& in = doc.GetAllocator();
  Value caches(rapidjson::kArrayType);
  for (const auto& [ref, cache] : picture.caches())
    caches.PushBack(cache_of(picture, cache, in), in);
  Value texts(rapidjson::kArrayType);
  for (const auto& note : notes) texts.PushBack(Value(harmless(note), in), in);
  doc.AddMember("caches", caches, in);
  doc.AddMember("notes", texts, in);
  return doc;
}

}  // namespace gkm::cli
