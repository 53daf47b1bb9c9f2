/// Small cache images for tests, also those that no honest tool would make; OCI layouts of them,
/// and a registry that serves them and lies where it is told to.
#pragma once

#include "tests/support/registry/fault_server.hpp"
#include "tests/support/registry/tar_builder.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gkm::support {

enum class packing { plain, gzip, zstd };

/// Layers and labels; the rest follows from them.
class cache_image {
public:
  cache_image& layer(const std::string& tar, packing form = packing::gzip);
  /// What is announced as the layer of `tar`, whatever it is.
  cache_image& layer_as(const std::string& tar, std::string stored, packing form);
  cache_image& label(const std::string& key, const std::string& value);
  /// The label that says which GPUs the cache is for, for example "hip", "gfx90a".
  cache_image& claims(const std::string& backend, const std::string& arch);

  std::string config() const;
  std::string manifest() const;
  std::string digest() const;
  /// As a registry keeps them, by digest; without the manifest.
  std::map<std::string, std::string> blobs() const;
  const std::string& stored_layer(size_t i = 0) const { return layers_.at(i).stored; }
  std::string layer_digest(size_t i = 0) const;
  /// For an index's list of manifests.
  std::string descriptor() const;

private:
  struct one_layer {
    std::string tar;
    std::string stored;
    packing form;
  };
  std::vector<one_layer> layers_;
  std::vector<std::pair<std::string, std::string>> labels_;
};

/// The layer of a Triton cache with one kernel for this AMD machine (formats: 0x3f is gfx90a, 0x4c
/// gfx942), and a file of `filler_bytes` that does not compress.
tests::tar_builder kernel_layer(uint8_t machine = 0x3f, size_t filler_bytes = 0);

std::string index_of(const std::vector<cache_image>& images);

/// Adds an image to an OCI layout, or makes the layout.
void write_layout(const std::filesystem::path& dir, const std::string& tag,
                  const cache_image& image);

/// A registry of such images under any repository name. `interfere` may answer in its stead, or
/// change the answer that would have been given.
class image_registry {
public:
  using interference = std::function<std::optional<reply>(const seen_request&, const reply&)>;

  image_registry() = default;
  explicit image_registry(const cache_image& image, const std::string& tag = "v1") {
    add(tag, image);
  }

  void add(const std::string& tag, const cache_image& image);
  void interfere(interference how);
  std::string name(const std::string& tag = "v1") const {
    return server_.authority() + "/team/cache:" + tag;
  }
  const fault_server& server() const { return server_; }
  size_t blob_requests(const std::string& digest) const;

private:
  reply honest(const seen_request& r) const;
  reply answer(const seen_request& r) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::string> manifests_;  ///< by tag and by digest
  std::map<std::string, std::string> blobs_;
  interference interfere_;
  fault_server server_{[this](const seen_request& r) { return answer(r); }};
};

}  // namespace gkm::support
