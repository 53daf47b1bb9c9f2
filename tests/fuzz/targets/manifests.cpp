// What an image says of itself: manifest, index, config, and what their labels claim.
#include "oci/manifest.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace gkm::fuzz {
namespace {

using namespace oci;

void check(const descriptor& d) {
  require(d.content.hex.size() == 64, "a descriptor without a digest");
}

void check(const cache_hints& hints, size_t input_bytes) {
  require(hints.cache_type.empty() || hints.cache_type == "triton" || hints.cache_type == "vllm",
          "a cache of an unknown type");
  for (const auto& t : hints.targets)
    require(!t.backend.empty() && !t.arch.empty(), "a target that is none");
  require(hints.problem.size() <= 4'096 + input_bytes, "a problem that grew");
}

void read_manifest(std::string_view input) {
  work_meter work;
  if (auto m = parse_manifest(input)) {
    require(m->layers.size() <= max_layers, "too many layers");
    check(m->config);
    for (const auto& layer : m->layers) check(layer);
    check(read_hints({}, m->annotations), input.size());
  }
  work.require_at_most(64 << 10, 256, input.size(), "a manifest");
}

void read_index(std::string_view input) {
  work_meter work;
  for (const char* type : {"", "application/vnd.oci.image.index.v1+json"})
    (void)is_index(input, type);
  if (auto index = parse_index(input)) {
    require(index->entries.size() <= max_index_entries, "too many entries");
    for (const auto& e : index->entries) {
      check(e.what);
      check(read_hints({}, e.what.annotations), input.size());
    }
  }
  work.require_at_most(64 << 10, 256, input.size(), "an index");
}

void read_config(std::string_view input) {
  work_meter work;
  if (auto config = parse_image_config(input)) {
    for (const auto& d : config->diff_ids) require(d.hex.size() == 64, "a diff_id that is none");
    check(read_hints(config->labels, {}), input.size());
  }
  work.require_at_most(64 << 10, 256, input.size(), "a config");
}

// The value of a label that describes the cache.
void read_summary(std::string_view input) {
  for (const char* type : {"triton", "vllm"})
    check(
        read_hints({{"cache." + std::string(type) + ".image/summary", std::string(input)},
                    {"cache." + std::string(type) + ".image/entry-count", std::string(input)},
                    {"cache." + std::string(type) + ".image/cache-size-bytes", std::string(input)}},
                   {}),
        input.size());
}

std::string descriptor_text(char hex, const std::string& type, const std::string& more = "") {
  return R"({"mediaType":")" + type + R"(","digest":"sha256:)" + std::string(64, hex) +
         R"(","size":10)" + more + "}";
}

}  // namespace

std::vector<subject> subjects() {
  const auto config = descriptor_text('c', "application/vnd.oci.image.config.v1+json");
  const auto layer = descriptor_text('d', "application/vnd.oci.image.layer.v1.tar+gzip",
                                     R"(,"annotations":{"a":"b"})");
  const auto manifest_type = std::string("application/vnd.oci.image.manifest.v1+json");
  return {
      {"manifest",
       read_manifest,
       {R"({"schemaVersion":2,"mediaType":")" + manifest_type + R"(","config":)" + config +
            R"(,"layers":[)" + layer + "," + layer +
            R"(],"annotations":{"cache.triton.image/variant":"x"}})",
        R"({"schemaVersion":2,"artifactType":"x","config":)" + config + R"(,"layers":[]})",
        R"({"schemaVersion":1,"fsLayers":[{"blobSum":"x"}]})"}},
      {"index",
       read_index,
       {R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
            descriptor_text('e', manifest_type,
                            R"(,"platform":{"os":"linux","architecture":"amd64","variant":"v1"})") +
            "," +
            descriptor_text('f', manifest_type,
                            R"(,"annotations":{"vnd.docker.reference.type":"x"})") +
            "]}",
        R"({"manifests":[]})"}},
      {"config",
       read_config,
       {R"({"os":"linux","architecture":"amd64","config":{"Labels":{"cache.triton.image/summary":)"
        R"("{\"targets\":[{\"backend\":\"cuda\",\"arch\":\"75\"}]}","cache.triton.image/entry-count":"1"}},)"
        R"("rootfs":{"type":"layers","diff_ids":["sha256:)" +
        std::string(64, 'a') + R"("]}})"}},
      {"summary",
       read_summary,
       {R"({"targets":[{"backend":"hip","arch":"gfx90a","warp_size":64}]})", "3",
        "18446744073709551616", R"({"targets":[{"backend":"cuda","arch":"sm_12.9"}]})"}},
  };
}

std::vector<std::string> tokens() {
  return {"\"schemaVersion\":2",
          "\"mediaType\"",
          "\"config\"",
          "\"layers\"",
          "\"manifests\"",
          "\"digest\"",
          "\"size\"",
          "\"annotations\"",
          "\"platform\"",
          "\"Labels\"",
          "\"rootfs\"",
          "\"diff_ids\"",
          "\"targets\"",
          "\"artifactType\"",
          "sha256:" + std::string(64, '0'),
          "null",
          "[]",
          "{}",
          "-1",
          "1e3",
          "\\u0000",
          "\\ud800",
          "cache.vllm.image/",
          "model.cache.image/"};
}

}  // namespace gkm::fuzz
