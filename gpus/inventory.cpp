#include "gpus/inventory.hpp"

#include "base/files.hpp"
#include "gpus/arch.hpp"
#include "gpus/match.hpp"
#include "messages/json/json.hpp"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <cstdlib>
#include <set>

namespace gkm::gpus {
namespace {

constexpr size_t max_inventory_bytes = 1 << 20;
constexpr size_t max_gpus = 1024;
constexpr size_t max_text_chars = 256;
constexpr uint32_t max_warp_size = 1024;

// Optional, but a program wrote it: null is no way to leave it out.
std::string read_text(json::reader& in, const char* name) {
  if (!in.has(name)) return "";
  auto text = in.plain(name);
  if (text.size() > max_text_chars)
    in.reject(name, "is longer than " + std::to_string(max_text_chars) + " characters");
  return text;
}

std::string read_required_text(json::reader& in, const char* name) {
  in.require(name);
  auto text = read_text(in, name);
  if (text.empty()) in.reject(name, "is empty");
  return text;
}

feature read_feature(json::reader& in, const char* name) {
  if (!in.has(name)) return feature::unstated;
  auto f = parse_feature(in.text(name));
  if (!f) in.reject(name, "must be any, off or on");
  return f.value_or(feature::unstated);
}

// A capability "9.0" can be nothing else here, unlike in a label.
std::string read_arch(json::reader& in, const std::string& backend) {
  auto arch = read_required_text(in, "arch");
  if (!in.ok()) return "";
  const auto dot = arch.find('.');
  if (backend == "cuda" && dot != std::string::npos && dot + 2 == arch.size()) arch.erase(dot, 1);
  auto parsed = parse_target(backend, arch, 0);
  if (!parsed) {
    in.reject(backend == "cuda" || backend == "hip" ? "arch" : "backend",
              "is wrong: " + parsed.error().message);
    return "";
  }
  if (backend == "cuda" && parse_cuda_arch(parsed->arch)->suffix != 0)
    in.reject("arch", "has a suffix; a GPU's compute capability is written like '90'");
  if (is_generic(parsed->arch)) in.reject("arch", "is a generic target; no GPU is one");
  if (parsed->xnack != feature::unstated || parsed->sramecc != feature::unstated)
    in.reject("arch", "states switches; they belong in 'xnack' and 'sramecc'");
  return parsed->arch;
}

gpu read_gpu(json::reader& in) {
  gpu out;
  out.id = static_cast<int32_t>(in.number("id", INT32_MAX));
  out.backend = read_required_text(in, "backend");
  out.arch = read_arch(in, out.backend);
  out.name = read_text(in, "gpuType");
  out.uuid = read_text(in, "uuid");
  out.driver_version = read_text(in, "driverVersion");
  if (in.has("warpSize"))
    out.warp_size = static_cast<uint32_t>(in.number("warpSize", max_warp_size));
  out.xnack = read_feature(in, "xnack");
  out.sramecc = read_feature(in, "sramecc");
  return out;
}

using json_writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void write_text(json_writer& out, const char* key, const std::string& value) {
  if (value.empty()) return;
  out.Key(key);
  out.String(value);
}

void write_feature(json_writer& out, const char* key, feature f) {
  if (f != feature::unstated) write_text(out, key, std::string(to_string(f)));
}

void write_gpu(json_writer& out, const gpu& g) {
  out.StartObject();
  out.Key("id");
  out.Int(g.id);
  write_text(out, "backend", g.backend);
  write_text(out, "arch", g.arch);
  write_text(out, "gpuType", g.name);
  write_text(out, "uuid", g.uuid);
  write_text(out, "driverVersion", g.driver_version);
  if (g.warp_size != 0) {
    out.Key("warpSize");
    out.Uint(g.warp_size);
  }
  write_feature(out, "xnack", g.xnack);
  write_feature(out, "sramecc", g.sramecc);
  out.EndObject();
}

}  // namespace

std::vector<gpu> simulated_inventory() {
  std::vector<gpu> out;
  for (int32_t id : {0, 1})
    out.push_back({id, "hip", "gfx90a", "AMD Instinct MI210 (simulated)", "", "", 64,
                   feature::unstated, feature::unstated});
  return out;
}

bool no_gpu_mode() {
  const char* set = std::getenv("NO_GPU");
  const std::string_view text = set ? set : "";
  return text == "true" || text == "TRUE" || text == "True" || text == "1" || text == "yes";
}

result<std::vector<gpu>> parse_inventory(std::string_view text) {
  if (text.size() > max_inventory_bytes)
    return fail(errc::limit_exceeded, "it has more than 1 MiB");
  return json::parse_object<std::vector<gpu>>(text, [](json::reader& in, std::vector<gpu>& all) {
    std::set<int32_t> ids;
    in.require("gpus");
    in.each_object("gpus", max_gpus, [&](json::reader g) {
      all.push_back(read_gpu(g));
      const auto id = all.back().id;
      if (!ids.insert(id).second) g.reject("id", std::to_string(id) + " is there twice");
    });
  });
}

result<std::vector<gpu>> read_inventory(const std::filesystem::path& file) {
  auto text = base::read_file(file, max_inventory_bytes);
  if (!text) return wrap(text.error(), "Failed to read the GPU inventory");
  auto out = parse_inventory(*text);
  if (!out) return wrap(out.error(), "Failed to read the GPU inventory '" + file.string() + "'");
  return out;
}

std::string print_inventory(const std::vector<gpu>& gpus) {
  rapidjson::StringBuffer buffer;
  json_writer out(buffer);
  out.SetIndent(' ', 2);
  out.StartObject();
  out.Key("gpus");
  out.StartArray();
  for (const auto& g : gpus) write_gpu(out, g);
  out.EndArray();
  out.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace gkm::gpus
