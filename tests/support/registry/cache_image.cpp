#include "tests/support/registry/cache_image.hpp"

#include "base/sha256.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/elf_builder.hpp"
#include "tests/support/registry/compress.hpp"

#include <random>

namespace gkm::support {
namespace fs = std::filesystem;
namespace {

const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
const std::string index_type = "application/vnd.oci.image.index.v1+json";
const std::string config_type = "application/vnd.oci.image.config.v1+json";
const std::string layer_type = "application/vnd.oci.image.layer.v1.tar";

std::string digest_of(const std::string& bytes) { return base::sha256::of(bytes).str(); }

std::string descriptor_of(const std::string& bytes, const std::string& type,
                          const std::string& more = "") {
  return R"({"mediaType":")" + type + R"(","digest":")" + digest_of(bytes) + R"(","size":)" +
         std::to_string(bytes.size()) + more + "}";
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string join(const std::vector<std::string>& parts) {
  std::string all;
  for (const auto& p : parts) all += (all.empty() ? "" : ",") + p;
  return all;
}

std::string packed(const std::string& tar, packing form) {
  if (form == packing::gzip) return tests::gzipped(tar);
  return form == packing::zstd ? tests::zstd_compressed(tar) : tar;
}

std::string type_of(packing form) {
  if (form == packing::gzip) return layer_type + "+gzip";
  return form == packing::zstd ? layer_type + "+zstd" : layer_type;
}

reply with(int status, const std::string& body, const std::string& type) {
  reply r;
  r.status = status;
  r.body = body;
  r.headers = {{"Content-Type", type}};
  return r;
}

reply part_of(const seen_request& r, const std::string& blob) {
  auto range = r.header("range");
  if (range.empty()) return with(200, blob, "application/octet-stream");
  auto first = std::stoul(range.substr(range.find('=') + 1));
  auto out = with(206, blob.substr(first), "application/octet-stream");
  out.headers.emplace_back("Content-Range", "bytes " + std::to_string(first) + "-" +
                                                std::to_string(blob.size() - 1) + "/" +
                                                std::to_string(blob.size()));
  return out;
}

}  // namespace

cache_image& cache_image::layer(const std::string& tar, packing form) {
  return layer_as(tar, packed(tar, form), form);
}

cache_image& cache_image::layer_as(const std::string& tar, std::string stored, packing form) {
  layers_.push_back({tar, std::move(stored), form});
  return *this;
}

cache_image& cache_image::label(const std::string& key, const std::string& value) {
  labels_.emplace_back(key, value);
  return *this;
}

cache_image& cache_image::claims(const std::string& backend, const std::string& arch) {
  return label("cache.triton.image/summary",
               R"({"targets":[{"backend":")" + backend + R"(","arch":")" + arch + R"("}]})");
}

std::string cache_image::config() const {
  std::vector<std::string> labels;
  for (const auto& [key, value] : labels_) labels.push_back(quoted(key) + ":" + quoted(value));
  std::vector<std::string> diff_ids;
  for (const auto& l : layers_) diff_ids.push_back(quoted(digest_of(l.tar)));
  return R"({"architecture":"amd64","os":"linux","config":{"Labels":{)" + join(labels) +
         R"(}},"rootfs":{"type":"layers","diff_ids":[)" + join(diff_ids) + "]}}";
}

std::string cache_image::manifest() const {
  std::vector<std::string> layers;
  for (const auto& l : layers_) layers.push_back(descriptor_of(l.stored, type_of(l.form)));
  return R"({"schemaVersion":2,"mediaType":")" + manifest_type + R"(","config":)" +
         descriptor_of(config(), config_type) + R"(,"layers":[)" + join(layers) + "]}";
}

std::string cache_image::digest() const { return digest_of(manifest()); }
std::string cache_image::layer_digest(size_t i) const { return digest_of(layers_.at(i).stored); }

std::map<std::string, std::string> cache_image::blobs() const {
  std::map<std::string, std::string> all{{digest_of(config()), config()}};
  for (const auto& l : layers_) all[digest_of(l.stored)] = l.stored;
  return all;
}

std::string cache_image::descriptor() const {
  return descriptor_of(manifest(), manifest_type,
                       R"(,"platform":{"os":"linux","architecture":"amd64"})");
}

tests::tar_builder kernel_layer(uint8_t machine, size_t filler_bytes) {
  const std::string key = "io.triton.cache/ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRST/";
  tests::tar_builder tar;
  tar.directory("io.triton.cache/").directory(key);
  tar.file(key + "add_kernel.hsaco", test::hsaco(machine).build());
  if (filler_bytes) {
    std::mt19937_64 chance(filler_bytes);
    std::string filler(filler_bytes, '\0');
    for (char& c : filler) c = static_cast<char>(chance());
    tar.file(key + "add_kernel.llir", filler);
  }
  return tar;
}

std::string index_of(const std::vector<cache_image>& images) {
  std::vector<std::string> entries;
  for (const auto& i : images) entries.push_back(i.descriptor());
  return R"({"schemaVersion":2,"mediaType":")" + index_type + R"(","manifests":[)" + join(entries) +
         "]}";
}

void write_layout(const fs::path& dir, const std::string& tag, const cache_image& image) {
  auto blobs = dir / "blobs" / "sha256";
  fs::create_directories(blobs);
  auto store = [&](const std::string& bytes) {
    write_whole(blobs / base::sha256::of(bytes).hex, bytes);
  };
  for (const auto& [digest, bytes] : image.blobs()) store(bytes);
  store(image.manifest());
  write_whole(dir / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  auto entry =
      descriptor_of(image.manifest(), manifest_type,
                    R"(,"annotations":{"org.opencontainers.image.ref.name":")" + tag + R"("})");
  auto index = read_whole(dir / "index.json");
  if (index.empty())
    index = R"({"schemaVersion":2,"manifests":[)" + entry + "]}";
  else
    index.insert(index.rfind("]}"), "," + entry);
  write_whole(dir / "index.json", index);
}

void image_registry::add(const std::string& tag, const cache_image& image) {
  std::lock_guard lock(mutex_);
  manifests_[tag] = manifests_[image.digest()] = image.manifest();
  blobs_.merge(image.blobs());
}

void image_registry::interfere(interference how) {
  std::lock_guard lock(mutex_);
  interfere_ = std::move(how);
}

size_t image_registry::blob_requests(const std::string& digest) const {
  return server_.requests_for("/v2/team/cache/blobs/" + digest).size();
}

reply image_registry::honest(const seen_request& r) const {
  auto path = r.path();
  auto last = path.substr(path.rfind('/') + 1);
  const auto& from = path.find("/manifests/") != std::string::npos ? manifests_ : blobs_;
  if (path == "/v2/") return with(200, "{}", "application/json");
  auto found = from.find(last);
  if (found == from.end())
    return with(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})",
                "application/json");
  if (&from == &blobs_) return part_of(r, found->second);
  auto out = with(200, found->second, manifest_type);
  out.headers.emplace_back("Docker-Content-Digest", digest_of(found->second));
  return out;
}

reply image_registry::answer(const seen_request& r) const {
  interference how;
  reply truth;
  {
    std::lock_guard lock(mutex_);
    how = interfere_;
    truth = honest(r);
  }
  if (how)
    if (auto other = how(r, truth)) return *other;
  return truth;
}

}  // namespace gkm::support
