#include "oci/manifest.hpp"

#include "messages/printable.hpp"
#include "oci/json.hpp"

#include <algorithm>
#include <array>

namespace gkm::oci {
namespace {

constexpr uint64_t max_blob_bytes = 1ULL << 40;  // keeps sums of sizes far from overflow

constexpr std::array<std::string_view, 2> manifest_types = {
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json"};
constexpr std::array<std::string_view, 2> index_types = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json"};

bool is_schema1(std::string_view media_type) {
  return media_type.starts_with("application/vnd.docker.distribution.manifest.v1");
}

tl::unexpected<error> schema1_error() {
  return fail(errc::malformed,
              "it is a Docker schema 1 manifest, which is not supported: push the image again with "
              "a current tool");
}

// The checks that manifests and indexes share: version, stated kind, no mix of both.
result<void> check_kind(const json::value& document, bool as_index) {
  auto media_type = json::text(document, "mediaType", "");
  if (!media_type) return fail(media_type.error());
  const auto* version = json::find(document, "schemaVersion");
  if (is_schema1(*media_type) || (version && version->IsInt() && version->GetInt() == 1))
    return schema1_error();
  if (!version || !version->IsInt() || version->GetInt() != 2)
    return json::bad_field("", "schemaVersion", "is not 2");
  if (!media_type->empty() &&
      !(as_index ? is_index_type(*media_type) : is_manifest_type(*media_type)))
    return json::bad_field("", "mediaType",
                           "is '" + printable(*media_type) + "', which is no image " +
                               (as_index ? "index" : "manifest"));
  // A document that reads as both could be one thing to a verifier and another to a puller.
  if (json::find(document, "manifests") &&
      (json::find(document, "layers") || json::find(document, "config")))
    return json::bad_field("", "manifests", "stands beside 'layers' or 'config'");
  return {};
}

result<descriptor> parse_descriptor(const json::value& from, const std::string& path) {
  if (!from.IsObject()) return json::bad_field(path, "", "is not an object");
  descriptor d;
  auto prefix = path + ".";
  auto media_type = json::text(from, "mediaType", prefix);
  if (!media_type) return fail(media_type.error());
  if (media_type->empty()) return json::bad_field(prefix, "mediaType", "is missing");
  d.media_type = std::move(*media_type);
  auto text = json::text(from, "digest", prefix);
  if (!text) return fail(text.error());
  auto content = digest::parse(*text);
  if (!content)
    return json::bad_field(
        prefix, "digest",
        "is '" + printable(*text, 80) + "', not 'sha256:' and 64 lower-case hex digits");
  d.content = std::move(*content);
  const auto* size = json::find(from, "size");
  if (!size || !size->IsUint64())
    return json::bad_field(prefix, "size", "is not a non-negative integer");
  d.size_bytes = size->GetUint64();
  if (d.size_bytes > max_blob_bytes)
    return fail(errc::limit_exceeded, "field '" + prefix + "size' is " +
                                          std::to_string(d.size_bytes) + ", the limit is " +
                                          std::to_string(max_blob_bytes));
  auto annotations = json::texts(from, "annotations", prefix);
  if (!annotations) return fail(annotations.error());
  d.annotations = std::move(*annotations);
  return d;
}

result<platform> parse_platform(const json::value& from, const std::string& path) {
  platform p;
  for (auto [name, field] :
       {std::pair{"os", &p.os}, {"architecture", &p.architecture}, {"variant", &p.variant}}) {
    auto text = json::text(from, name, path);
    if (!text) return fail(text.error());
    *field = std::move(*text);
  }
  return p;
}

/// A digest that is well-formed but of another algorithm than sha256: not ours to read, and no
/// reason to refuse what stands beside it.
bool has_foreign_digest(const json::value& entry) {
  const auto* text = entry.IsObject() ? json::find(entry, "digest") : nullptr;
  if (!text || !text->IsString()) return false;
  auto all = json::view(*text);
  auto colon = all.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == all.size()) return false;
  auto algorithm = all.substr(0, colon);
  auto encoded = all.substr(colon + 1);
  auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  auto fits = [&](char c) {
    return is_word(c) || (c >= 'A' && c <= 'Z') || c == '=' || c == '_' || c == '-';
  };
  return algorithm != "sha256" &&
         algorithm.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+._-") ==
             std::string_view::npos &&
         is_word(algorithm.front()) && std::all_of(encoded.begin(), encoded.end(), fits);
}

result<index_entry> parse_index_entry(const json::value& from, size_t number) {
  auto path = "manifests[" + std::to_string(number) + "]";
  auto what = parse_descriptor(from, path);
  if (!what) return fail(what.error());
  index_entry entry{std::move(*what), {}};
  if (const auto* runs_on = json::find(from, "platform")) {
    if (!runs_on->IsObject()) return json::bad_field(path, ".platform", "is not an object");
    auto p = parse_platform(*runs_on, path + ".platform.");
    if (!p) return fail(p.error());
    entry.runs_on = std::move(*p);
  }
  return entry;
}

result<std::vector<digest>> parse_diff_ids(const json::value& document) {
  std::vector<digest> ids;
  const auto* rootfs = json::find(document, "rootfs");
  if (!rootfs) return ids;
  if (!rootfs->IsObject()) return json::bad_field("", "rootfs", "is not an object");
  auto list = json::array(*rootfs, "diff_ids", "rootfs.", max_layers);
  if (!list) return fail(list.error());
  if (!*list) return ids;
  for (const auto& member : (*list)->GetArray()) {
    auto id = digest::parse(member.IsString() ? json::view(member) : std::string_view());
    if (!id) return json::bad_field("rootfs.", "diff_ids", "has a member that is no sha256 digest");
    ids.push_back(std::move(*id));
  }
  return ids;
}

}  // namespace

const std::string& accepted_manifest_types() {
  static const std::string types = [] {
    std::string all;
    for (auto list : {manifest_types, index_types})
      for (auto type : list) all += (all.empty() ? "" : ", ") + std::string(type);
    return all;
  }();
  return types;
}

bool is_index_type(std::string_view media_type) {
  return std::find(index_types.begin(), index_types.end(), media_type) != index_types.end();
}

bool is_manifest_type(std::string_view media_type) {
  return std::find(manifest_types.begin(), manifest_types.end(), media_type) !=
         manifest_types.end();
}

bool is_image_layer_type(std::string_view media_type) {
  return media_type.starts_with("application/vnd.oci.image.layer.") ||
         media_type.starts_with("application/vnd.docker.image.rootfs.");
}

bool is_archive_type(std::string_view media_type) {
  constexpr std::array<std::string_view, 6> unspecific = {"",
                                                          "application/octet-stream",
                                                          "application/gzip",
                                                          "application/x-gzip",
                                                          "application/zstd",
                                                          "application/x-zstd"};
  // "application/x-tar", "….tar+gzip", "….tar.gzip", but no name that only has the letters.
  for (size_t at = 0; (at = media_type.find("tar", at)) != std::string_view::npos; at += 3) {
    auto apart = [](char c) { return c == '.' || c == '+' || c == '-' || c == '/'; };
    bool begins = at == 0 || apart(media_type[at - 1]);
    bool ends = at + 3 == media_type.size() || apart(media_type[at + 3]) ||
                media_type.substr(at) == "targz";
    if (begins && ends) return true;
  }
  return is_image_layer_type(media_type) ||
         std::find(unspecific.begin(), unspecific.end(), media_type) != unspecific.end();
}

result<manifest> parse_manifest(std::string_view text) {
  rapidjson::Document document;
  if (auto ok = json::parse(text, "manifest", document); !ok) return fail(ok.error());
  if (auto ok = check_kind(document, false); !ok) return fail(ok.error());
  manifest m;
  auto media_type = json::text(document, "mediaType", "");
  m.media_type = media_type && !media_type->empty() ? *media_type : std::string(manifest_types[0]);
  auto artifact_type = json::text(document, "artifactType", "");
  if (!artifact_type) return fail(artifact_type.error());
  m.artifact_type = std::move(*artifact_type);
  const auto* config = json::find(document, "config");
  if (!config) return json::bad_field("", "config", "is missing");
  auto config_descriptor = parse_descriptor(*config, "config");
  if (!config_descriptor) return fail(config_descriptor.error());
  m.config = std::move(*config_descriptor);
  auto layers = json::array(document, "layers", "", max_layers);
  if (!layers) return fail(layers.error());
  if (!*layers) return json::bad_field("", "layers", "is missing");
  for (const auto& member : (*layers)->GetArray()) {
    // `urls` of foreign layers are not read: bytes come from where the image came from, or not at
    // all.
    auto layer = parse_descriptor(member, "layers[" + std::to_string(m.layers.size()) + "]");
    if (!layer) return fail(layer.error());
    m.layers.push_back(std::move(*layer));
  }
  auto annotations = json::texts(document, "annotations", "");
  if (!annotations) return fail(annotations.error());
  m.annotations = std::move(*annotations);
  return m;
}

result<index> parse_index(std::string_view text) {
  rapidjson::Document document;
  if (auto ok = json::parse(text, "image index", document); !ok) return fail(ok.error());
  if (auto ok = check_kind(document, true); !ok) return fail(ok.error());
  index out;
  auto list = json::array(document, "manifests", "", max_index_entries);
  if (!list) return fail(list.error());
  if (!*list) return json::bad_field("", "manifests", "is missing");
  size_t number = 0;
  for (const auto& member : (*list)->GetArray()) {
    auto at = number++;
    if (has_foreign_digest(member)) continue;
    auto entry = parse_index_entry(member, at);
    if (!entry) return fail(entry.error());
    out.entries.push_back(std::move(*entry));
  }
  auto annotations = json::texts(document, "annotations", "");
  if (!annotations) return fail(annotations.error());
  out.annotations = std::move(*annotations);
  return out;
}

result<image_config> parse_image_config(std::string_view text) {
  rapidjson::Document document;
  if (auto ok = json::parse(text, "image config", document); !ok) return fail(ok.error());
  image_config out;
  auto runs_on = parse_platform(document, "");
  if (!runs_on) return fail(runs_on.error());
  out.runs_on = std::move(*runs_on);
  if (const auto* config = json::find(document, "config")) {
    if (!config->IsObject()) return json::bad_field("", "config", "is not an object");
    auto labels = json::texts(*config, "Labels", "config.");
    if (!labels) return fail(labels.error());
    out.labels = std::move(*labels);
  }
  auto ids = parse_diff_ids(document);
  if (!ids) return fail(ids.error());
  out.diff_ids = std::move(*ids);
  return out;
}

result<bool> is_index(std::string_view text, std::string_view media_type) {
  rapidjson::Document document;
  if (auto ok = json::parse(text, "manifest", document); !ok) return fail(ok.error());
  auto own = json::text(document, "mediaType", "");
  if (!own) return fail(own.error());
  if (is_index_type(*own)) return true;
  if (is_manifest_type(*own)) return false;
  if (is_schema1(*own) || json::find(document, "fsLayers")) return schema1_error();
  if (!own->empty())
    return json::bad_field("", "mediaType",
                           "is '" + printable(*own) + "', which is no image manifest or index");
  if (json::find(document, "manifests")) return true;
  if (json::find(document, "layers") || json::find(document, "config")) return false;
  if (is_index_type(media_type)) return true;
  if (is_manifest_type(media_type)) return false;
  return fail(errc::malformed,
              "it is neither an image manifest nor an index: no 'mediaType', "
              "'manifests' or 'layers'");
}

}  // namespace gkm::oci
