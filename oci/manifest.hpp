/// Manifests, indexes and image configs: the JSON of the OCI image spec (and Docker's schema 2),
/// parsed into values that are valid. Bytes are verified before they get here.
#pragma once

#include "messages/digest.hpp"
#include "messages/target.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::oci {

/// Limits on what a registry may make us hold in memory.
constexpr size_t max_manifest_bytes = 4 << 20;
constexpr size_t max_config_bytes = 4 << 20;
constexpr size_t max_layers = 128;
constexpr size_t max_index_entries = 1024;

struct descriptor {
  std::string media_type;
  digest content;
  uint64_t size_bytes = 0;
  std::map<std::string, std::string> annotations;
};

struct platform {
  std::string os;
  std::string architecture;
  std::string variant;
};

struct manifest {
  std::string media_type;
  std::string artifact_type;
  descriptor config;
  std::vector<descriptor> layers;
  std::map<std::string, std::string> annotations;
};

struct index_entry {
  descriptor what;
  std::optional<platform> runs_on;
};

struct index {
  std::vector<index_entry> entries;
  std::map<std::string, std::string> annotations;
};

/// What GKM needs of an image config. Artifacts have a config of another kind: then all is empty.
struct image_config {
  platform runs_on;
  std::map<std::string, std::string> labels;
  std::vector<digest> diff_ids;
};

/// The `Accept` header: every manifest and index type that can be read here.
const std::string& accepted_manifest_types();

bool is_index_type(std::string_view media_type);
bool is_manifest_type(std::string_view media_type);

/// A layer of an image, as image builders and `oras push` name it.
bool is_image_layer_type(std::string_view media_type);
/// A tar archive, packed or not, by its name: artifacts carry READMEs, SBOMs and raw files beside
/// it.
bool is_archive_type(std::string_view media_type);

/// `media_type` is what the registry or descriptor said; the document's own `mediaType` wins.
/// `errc::malformed` names the field. Docker schema 1 is refused by name.
result<manifest> parse_manifest(std::string_view json);
result<index> parse_index(std::string_view json);
result<image_config> parse_image_config(std::string_view json);
/// True if the document is an index, by its `mediaType` or, without one, its fields.
result<bool> is_index(std::string_view json, std::string_view media_type);

/// What labels or annotations claim about the cache, and how far that can be believed.
struct cache_hints {
  std::string cache_type;       ///< "triton", "vllm" or empty
  std::vector<target> targets;  ///< from a `summary`; empty if there is none or it is unusable
  std::string problem;          ///< what is wrong with the summary, e.g. arch "sm_12.9"
  std::optional<uint64_t> entry_count;
  std::optional<uint64_t> size_bytes;
  std::string format;  ///< vLLM: "unpacked", "binary"
};

/// Reads `cache.<type>.image/…` and the generic `model.cache.image/…` keys. Later
/// maps only fill what earlier ones left open.
cache_hints read_hints(const std::map<std::string, std::string>& labels,
                       const std::map<std::string, std::string>& annotations);

}  // namespace gkm::oci
