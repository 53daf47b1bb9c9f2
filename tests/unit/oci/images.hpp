/// Small images for tests, made of JSON texts, and a source that holds them in memory.
#pragma once

#include "base/sha256.hpp"
#include "oci/source.hpp"

#include <map>
#include <string>
#include <utility>

namespace gkm::oci::test {

inline const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
inline const std::string index_type = "application/vnd.oci.image.index.v1+json";
inline const std::string config_type = "application/vnd.oci.image.config.v1+json";
inline const std::string layer_type = "application/vnd.oci.image.layer.v1.tar";

inline std::string descriptor_of(const std::string& bytes, const std::string& type,
                                 const std::string& extra = "") {
  return R"({"mediaType":")" + type + R"(","digest":")" + base::sha256::of(bytes).str() +
         R"(","size":)" + std::to_string(bytes.size()) + extra + "}";
}

/// {"targets":[{"backend":"cuda","arch":"75"}]}, escaped to stand in a JSON string.
inline std::string summary(const std::string& backend, const std::string& arch) {
  return R"({\"targets\":[{\"backend\":\")" + backend + R"(\",\"arch\":\")" + arch + R"(\"}]})";
}

inline std::string summary_label(const std::string& backend, const std::string& arch) {
  return R"("cache.triton.image/summary":")" + summary(backend, arch) + "\"";
}

inline std::string config_json(const std::string& layer, const std::string& labels) {
  return R"({"os":"linux","config":{"Labels":{)" + labels + R"(}},"rootfs":{"diff_ids":[")" +
         base::sha256::of(layer).str() + "\"]}}";
}

inline std::string manifest_json(const std::string& config, const std::string& layer,
                                 const std::string& config_kind = config_type,
                                 const std::string& layer_kind = layer_type) {
  return R"({"schemaVersion":2,"mediaType":")" + manifest_type + R"(","config":)" +
         descriptor_of(config, config_kind) + R"(,"layers":[)" + descriptor_of(layer, layer_kind) +
         "]}";
}

inline std::string index_json(const std::vector<std::string>& entries) {
  std::string list;
  for (const auto& e : entries) list += (list.empty() ? "" : ",") + e;
  return R"({"schemaVersion":2,"mediaType":")" + index_type + R"(","manifests":[)" + list + "]}";
}

/// A whole body in blocks of one byte more than is comfortable.
class text_stream : public base::byte_stream {
public:
  explicit text_stream(std::string text) : text_(std::move(text)) {}
  result<base::chunk> next() override {
    auto n = std::min<size_t>(text_.size() - done_, 7);
    base::chunk out(n);
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()) + done_, n, out.spare().begin());
    out.grow(n);
    done_ += n;
    return out;
  }

private:
  const std::string text_;
  size_t done_ = 0;
};

class memory_source : public source {
public:
  std::map<std::string, std::string> tags;
  std::map<std::string, std::string> blobs;  ///< by digest; manifests too
  size_t manifests_asked = 0;

  /// Returns the bytes, for use in a descriptor.
  const std::string& add(const std::string& bytes) {
    return blobs[base::sha256::of(bytes).str()] = bytes;
  }
  /// An image with one layer; returns its manifest.
  std::string add_image(const std::string& layer, const std::string& labels) {
    auto config = config_json(layer, labels);
    add(layer);
    add(config);
    return add(manifest_json(config, layer));
  }
  void tag(const std::string& name, const std::string& bytes) { tags[name] = add(bytes); }

  result<fetched_manifest> manifest(const image_ref& ref, std::stop_token) override {
    ++manifests_asked;
    const auto& from = ref.pinned.empty() ? tags : blobs;
    auto it = from.find(ref.reference());
    if (it == from.end()) return fail(errc::not_found, "no '" + ref.str() + "'");
    return fetched_manifest{it->second, "", base::sha256::of(it->second)};
  }
  result<std::unique_ptr<base::byte_stream>> blob(const image_ref&, const descriptor& what,
                                                  std::stop_token) override {
    auto it = blobs.find(what.content.str());
    if (it == blobs.end()) return fail(errc::not_found, "no '" + what.content.str() + "'");
    return std::make_unique<text_stream>(it->second);
  }
};

}  // namespace gkm::oci::test
