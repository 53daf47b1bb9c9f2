#include "sample/triton_cache.hpp"

#include "base/files.hpp"
#include "base/sha256.hpp"
#include "sample/chance.hpp"
#include "sample/elf.hpp"
#include "sample/texts.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <vector>

namespace gkm::sample {
namespace fs = std::filesystem;
namespace {

constexpr auto kernel_names = std::to_array<std::string_view>(
    {"add_kernel", "matmul_kernel", "softmax_kernel", "layer_norm_fwd", "rms_norm_kernel",
     "attention_fwd", "fused_moe_kernel", "rotary_embedding"});
constexpr uint64_t launcher_bytes = 17'000;

// Triton's base32 of a hash: RFC 4648's letters, no padding, so 52 characters for 32 bytes.
std::string base32(const digest& hash) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  uint32_t pending = 0;
  unsigned bits = 0;
  for (char c : hash.hex) {
    pending = pending << 4 | static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    bits += 4;
    if (bits < 5) continue;
    bits -= 5;
    out += letters[pending >> bits & 31];
  }
  return bits ? out + letters[pending << (5 - bits) & 31] : out;
}

using json_writer = rapidjson::Writer<rapidjson::StringBuffer>;

template <class T>
void number(json_writer& json, const char* key, T value) {
  json.Key(key);
  json.Uint64(value);
}

template <class T>
void text(json_writer& json, const char* key, const T& value) {
  json.Key(key);
  json.String(std::string(value));
}

void arch(json_writer& json, const gpu_target& target) {
  if (target.backend == gpu_backend::cuda)
    number(json, "arch", target.compute_capability);
  else
    text(json, "arch", target.name);
}

std::string metadata(const gpu_target& target, const std::string& kernel, const digest& key) {
  const std::string backend = target.backend == gpu_backend::cuda ? "cuda" : "hip";
  rapidjson::StringBuffer out;
  json_writer json(out);
  json.StartObject();
  text(json, "hash", key.hex);
  json.Key("target");
  json.StartObject();
  text(json, "backend", backend);
  arch(json, target);
  number(json, "warp_size", target.warp_size);
  json.EndObject();
  number(json, "num_warps", 4U);
  number(json, "num_stages", 2U);
  number(json, "num_ctas", 1U);
  if (target.backend == gpu_backend::cuda) {
    json.Key("ptx_version");
    json.Null();
  } else {
    text(json, "arch", target.name);
    number(json, "waves_per_eu", 1U);
    number(json, "warp_size", target.warp_size);
  }
  json.Key("debug");
  json.Bool(false);
  text(json, "backend_name", backend);
  text(json, "triton_version", "3.2.0");
  number(json, "shared", 0U);
  text(json, "name", kernel);
  json.EndObject();
  return out.GetString();
}

struct cache_file {
  std::string name;
  std::string content;
};

std::string group(const fs::path& key_dir, const std::vector<cache_file>& files) {
  rapidjson::StringBuffer out;
  json_writer json(out);
  json.StartObject();
  json.Key("child_paths");
  json.StartObject();
  for (const auto& file : files) text(json, file.name.c_str(), (key_dir / file.name).string());
  json.EndObject();
  json.EndObject();
  return out.GetString();
}

std::vector<cache_file> kernel_files(const cache_plan& plan, const std::string& kernel,
                                     const digest& key, uint64_t bytes, chance& random) {
  std::vector<cache_file> files;
  auto binary_bytes = bytes;
  for (const auto& d : dialects(plan.target, kernel)) {
    const auto share = bytes * d.share / 100;
    files.push_back({kernel + "." + d.extension, invented_text(d, share, random)});
    binary_bytes -= std::min<uint64_t>(binary_bytes, files.back().content.size());
  }
  const bool cuda = plan.target.backend == gpu_backend::cuda;
  files.push_back({kernel + (cuda ? ".cubin" : ".hsaco"),
                   kernel_elf(plan.target, kernel, binary_bytes, random)});
  files.push_back({kernel + ".json", metadata(plan.target, kernel, key)});
  files.push_back({"__grp__" + kernel + ".json", group(fs::path(plan.root) / base32(key), files)});
  return files;
}

digest key_of(const cache_plan& plan, const std::string& what) {
  return base::sha256::of(plan.target.name + "/" + std::to_string(plan.seed) + "/" + what);
}

/// Writes key directories and counts what it wrote.
class directory_writer {
public:
  explicit directory_writer(fs::path dir) : dir_(std::move(dir)) {}

  result<void> write(const digest& key, const std::vector<cache_file>& files) {
    constexpr unsigned dir_mode = 0755;
    const auto key_dir = dir_ / base32(key);
    if (auto made = base::make_directories(key_dir, dir_mode); !made) return made;
    for (const auto& file : files) {
      std::ofstream out(key_dir / file.name, std::ios::binary);
      out.write(file.content.data(), static_cast<std::streamsize>(file.content.size()));
      out.close();
      if (!out) return fail(base::errno_error(errno, "write", key_dir / file.name));
      ++made_.files;
      made_.bytes += file.content.size();
    }
    return {};
  }
  cache_made made() const { return made_; }

private:
  fs::path dir_;
  cache_made made_;
};

result<void> check_empty(const fs::path& dir) {
  std::error_code failed;
  if (!fs::exists(dir, failed) || fs::is_empty(dir, failed)) return {};
  if (failed) return fail(base::errno_error(failed.value(), "open", dir));
  return fail(errc::invalid_argument,
              "Cannot write a cache to '" + dir.string() + "': it is not empty, name another one");
}

}  // namespace

result<cache_made> write_triton_cache(const fs::path& dir, const cache_plan& plan) {
  if (auto empty = check_empty(dir); !empty) return fail(empty.error());
  directory_writer writer(dir);
  chance random(plan.seed);

  const std::string helper =
      plan.target.backend == gpu_backend::cuda ? "cuda_utils.so" : "hip_utils.so";
  const std::array<std::string, 2> libraries{"__triton_launcher.so", helper};
  for (const auto& library : libraries) {
    auto content = host_library_elf(launcher_bytes, random);
    auto written = writer.write(key_of(plan, library), {{library, std::move(content)}});
    if (!written) return fail(written.error());
  }
  const auto fixed = writer.made().bytes;
  const auto average = plan.bytes > fixed ? (plan.bytes - fixed) / std::max(plan.kernels, 1U) : 0;
  for (unsigned i = 0; i < plan.kernels; ++i) {
    const std::string kernel(kernel_names[i % kernel_names.size()]);
    const auto key = key_of(plan, "kernel " + std::to_string(i));
    // From half the average to one and a half.
    const auto bytes = average / 2 + (average ? random.below(average + 1) : 0);
    auto written = writer.write(key, kernel_files(plan, kernel, key, bytes, random));
    if (!written) return fail(written.error());
  }
  return writer.made();
}

}  // namespace gkm::sample
