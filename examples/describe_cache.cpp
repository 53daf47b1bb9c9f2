/// describe-cache: what an image says about the cache in it. Writes the manifest that lies beside
/// the cache in the layer, and prints the image's labels, one key=value a line. It believes the
/// metadata files; whether the kernels agree is for the one who pulls to check.
#include "base/files.hpp"
#include "messages/json/json.hpp"

#include <CLI/CLI.hpp>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using gkm::result;
using json_value = rapidjson::Value;
using json_writer = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr size_t metadata_bytes_max = 4U << 20;
/// Kernels of a plain Triton cache have no vLLM hash.
const std::string no_hash;

struct kernel {
  std::string hash;
  std::string backend;
  std::string arch;
  unsigned warp_size = 0;
  unsigned num_warps = 0;
  unsigned num_stages = 0;
};

struct binary_part {
  std::string rank;
  std::string prefix;
  std::vector<std::string> artifacts;
  std::map<std::string, std::string> hashes;
};

struct cache {
  uint64_t bytes = 0;
  /// By the directory below torch_compile_cache/, or by `no_hash`.
  std::map<std::string, std::vector<kernel>> kernels;
  std::map<std::string, std::vector<binary_part>> binary;
};

std::string text_of(const json_value& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd()) return {};
  if (found->value.IsUint()) return std::to_string(found->value.GetUint());
  return found->value.IsString() ? found->value.GetString() : std::string();
}

unsigned number_of(const json_value& object, const char* name) {
  const auto found = object.FindMember(name);
  return found != object.MemberEnd() && found->value.IsUint() ? found->value.GetUint() : 0;
}

// The component after `torch_compile_cache`.
std::string vllm_hash(const fs::path& file) {
  bool next = false;
  for (const auto& part : file) {
    if (next) return part.string();
    next = part == "torch_compile_cache";
  }
  return no_hash;
}

void add_kernel(cache& into, const fs::path& file, const json_value& metadata) {
  const auto target = metadata.FindMember("target");
  if (target == metadata.MemberEnd() || !target->value.IsObject()) return;
  into.kernels[vllm_hash(file)].push_back(
      {text_of(metadata, "hash"), text_of(target->value, "backend"), text_of(target->value, "arch"),
       number_of(target->value, "warp_size"), number_of(metadata, "num_warps"),
       number_of(metadata, "num_stages")});
}

void add_binary(cache& into, const fs::path& file, const json_value& factors) {
  binary_part part;
  part.prefix = file.parent_path().filename();
  part.rank = file.parent_path().parent_path().filename();
  for (const auto& entry : fs::directory_iterator(file.parent_path())) {
    auto name = entry.path().filename().string();
    if (name.starts_with("artifact_")) part.artifacts.push_back(std::move(name));
  }
  std::ranges::sort(part.artifacts);
  for (const char* key : {"code_hash", "compiler_hash", "config_hash"})
    part.hashes[key] = text_of(factors, key);
  into.binary[vllm_hash(file)].push_back(std::move(part));
}

result<cache> read_cache(const fs::path& dir) {
  cache found;
  std::set<fs::path> metadata;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    found.bytes += entry.file_size();
    if (entry.path().extension() == ".json") metadata.insert(entry.path());
  }
  for (const auto& file : metadata) {
    if (file.filename().string().starts_with("__grp__")) continue;
    auto text = gkm::base::read_file(file, metadata_bytes_max);
    if (!text) return gkm::fail(text.error());
    auto parsed = gkm::json::parse(*text);
    if (!parsed || !parsed->IsObject()) continue;
    if (file.filename() == "cache_key_factors.json")
      add_binary(found, file, *parsed);
    else
      add_kernel(found, file, *parsed);
  }
  return found;
}

void text(json_writer& json, const char* key, const std::string& value) {
  json.Key(key);
  json.String(value);
}

void number(json_writer& json, const char* key, unsigned value) {
  json.Key(key);
  json.Uint(value);
}

void target(json_writer& json, const kernel& k) {
  text(json, "backend", k.backend);
  text(json, "arch", k.arch);
  number(json, "warp_size", k.warp_size);
}

void write_kernels(json_writer& json, const std::vector<kernel>& kernels) {
  json.StartArray();
  for (const auto& k : kernels) {
    json.StartObject();
    text(json, "hash", k.hash);
    target(json, k);
    number(json, "num_warps", k.num_warps);
    number(json, "num_stages", k.num_stages);
    json.EndObject();
  }
  json.EndArray();
}

void write_binary(json_writer& json, const std::vector<binary_part>& parts) {
  json.StartArray();
  for (const auto& part : parts) {
    json.StartObject();
    text(json, "rank", part.rank);
    text(json, "prefix", part.prefix);
    number(json, "artifact_count", static_cast<unsigned>(part.artifacts.size()));
    json.Key("artifact_names");
    json.StartArray();
    for (const auto& name : part.artifacts) json.String(name);
    json.EndArray();
    for (const auto& [key, value] : part.hashes) text(json, key.c_str(), value);
    text(json, "cache_save_format", "binary");
    json.EndObject();
  }
  json.EndArray();
}

std::string triton_manifest(const cache& c) {
  rapidjson::StringBuffer out;
  json_writer json(out);
  json.StartObject();
  json.Key("triton");
  std::vector<kernel> all;
  for (const auto& [hash, kernels] : c.kernels)
    all.insert(all.end(), kernels.begin(), kernels.end());
  write_kernels(json, all);
  json.EndObject();
  return out.GetString();
}

std::string vllm_manifest(const cache& c) {
  rapidjson::StringBuffer out;
  json_writer json(out);
  json.StartObject();
  json.Key("vllm");
  json.StartArray();
  for (const auto& [hash, kernels] : c.kernels) {
    json.StartObject();
    text(json, "vllmHash", hash);
    text(json, "cacheFormat", "triton");
    json.Key("triton");
    write_kernels(json, kernels);
    json.EndObject();
  }
  for (const auto& [hash, parts] : c.binary) {
    json.StartObject();
    text(json, "vllmHash", hash);
    text(json, "cacheFormat", "binary");
    json.Key("binary");
    write_binary(json, parts);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return out.GetString();
}

// Empty where no metadata names a target: a label must not guess.
std::string summary(const cache& c) {
  std::map<std::string, kernel> distinct;
  for (const auto& [hash, kernels] : c.kernels)
    for (const auto& k : kernels) distinct.try_emplace(k.backend + "/" + k.arch, k);
  if (distinct.empty()) return {};
  rapidjson::StringBuffer out;
  json_writer json(out);
  json.StartObject();
  json.Key("targets");
  json.StartArray();
  for (const auto& [name, k] : distinct) {
    json.StartObject();
    target(json, k);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return out.GetString();
}

void print_labels(const cache& c, const std::string& type) {
  size_t entries = 0;
  if (type == "triton")
    for (const auto& [hash, kernels] : c.kernels) entries += kernels.size();
  else
    entries = c.kernels.size() + c.binary.size();
  const auto prefix = "cache." + type + ".image/";
  std::printf("%sentry-count=%zu\n", prefix.c_str(), entries);
  std::printf("%scache-size-bytes=%llu\n", prefix.c_str(),
              static_cast<unsigned long long>(c.bytes));
  if (auto targets = summary(c); !targets.empty())
    std::printf("%ssummary=%s\n", prefix.c_str(), targets.c_str());
  if (type == "vllm")
    std::printf("%sformat=%s\n", prefix.c_str(), c.binary.empty() ? "unpacked" : "binary");
}

result<void> run(const fs::path& dir, const std::string& type, const fs::path& manifest) {
  try {
    auto found = read_cache(dir);
    if (!found) return gkm::fail(found.error());
    if (found->kernels.empty() && found->binary.empty())
      return gkm::fail(gkm::errc::malformed, "Cannot describe '" + dir.string() +
                                                 "': no kernel's metadata (*.json) is in it");
    print_labels(*found, type);
    if (manifest.empty()) return {};
    return gkm::base::write_file_atomically(
        manifest, type == "vllm" ? vllm_manifest(*found) : triton_manifest(*found));
  } catch (const fs::filesystem_error& e) {
    return gkm::fail(gkm::base::errno_error(e.code().value(), "read", e.path1()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Prints the labels of a cache's image and writes the manifest that goes with it"};
  std::string dir;
  std::string type = "triton";
  std::string manifest;
  app.add_option("DIR", dir, "The cache")->required()->check(CLI::ExistingDirectory);
  app.add_option("--type", type)->check(CLI::IsMember({"triton", "vllm"}))->capture_default_str();
  app.add_option("--manifest", manifest, "Where to write manifest.json");
  CLI11_PARSE(app, argc, argv);
  auto done = run(dir, type, manifest);
  if (done) return 0;
  std::fprintf(stderr, "describe-cache: %s\n", done.error().message.c_str());
  return 1;
}
