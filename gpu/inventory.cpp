#include "gpu/inventory.hpp"

#include "gpu/arch.hpp"
#include "gpu/match.hpp"

#include <fcntl.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

namespace gkm::gpus {
namespace {

constexpr size_t max_inventory_bytes = 1 << 20;
constexpr size_t max_gpus = 1024;
constexpr size_t max_text_chars = 256;
constexpr uint32_t max_warp_size = 1024;

// Field by field, so that an error can name the one it met. `failed` keeps the first.
class gpu_reader {
public:
  gpu_reader(const rapidjson::Value& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  result<gpu> read() {
    if (!object_.IsObject()) return fail(errc::malformed, where_ + " is not an object");
    gpu out;
    out.id = static_cast<int32_t>(number("id", true, INT32_MAX));
    out.backend = text("backend", true);
    out.arch = text("arch", true);
    out.name = text("gpuType", false);
    out.uuid = text("uuid", false);
    out.driver_version = text("driverVersion", false);
    out.warp_size = number("warpSize", false, max_warp_size);
    out.xnack = read_feature("xnack");
    out.sramecc = read_feature("sramecc");
    if (problem_.empty()) normalise_arch(out);
    if (!problem_.empty()) return fail(errc::malformed, problem_);
    return out;
  }

private:
  void blame(std::string_view field, std::string_view what) {
    if (problem_.empty()) problem_ = where_ + "." + std::string(field) + " " + std::string(what);
  }

  const rapidjson::Value* find(const char* field, bool required) {
    auto it = object_.FindMember(field);
    if (it != object_.MemberEnd()) return &it->value;
    if (required) blame(field, "is missing");
    return nullptr;
  }

  uint32_t number(const char* field, bool required, uint32_t at_most) {
    const auto* value = find(field, required);
    if (!value) return 0;
    if (value->IsUint() && value->GetUint() <= at_most) return value->GetUint();
    blame(field, "is not a number from 0 to " + std::to_string(at_most));
    return 0;
  }

  std::string text(const char* field, bool required) {
    const auto* value = find(field, required);
    if (!value) return "";
    if (!value->IsString()) return blame(field, "is not a string"), "";
    std::string out(value->GetString(), value->GetStringLength());
    if (required && out.empty()) blame(field, "is empty");
    if (out.size() > max_text_chars)
      blame(field, "is longer than " + std::to_string(max_text_chars) + " characters");
    auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(out.begin(), out.end(), is_control)) blame(field, "has control characters");
    return out;
  }

  feature read_feature(const char* field) {
    const auto* value = find(field, false);
    if (!value) return feature::unstated;
    const auto word = text(field, false);
    for (auto f : {feature::any, feature::off, feature::on})
      if (word == to_string(f)) return f;
    blame(field, "is not 'on', 'off' or 'any'");
    return feature::unstated;
  }

  // A capability "9.0" can be nothing else here, unlike in a label.
  void normalise_arch(gpu& out) {
    auto arch = out.arch;
    const auto dot = arch.find('.');
    if (out.backend == "cuda" && dot != std::string::npos && dot + 2 == arch.size())
      arch.erase(dot, 1);
    auto parsed = parse_target(out.backend, arch, 0);
    if (!parsed)
      return blame(out.backend == "cuda" || out.backend == "hip" ? "arch" : "backend",
                   "is wrong: " + parsed.error().message);
    if (out.backend == "cuda" && parse_cuda_arch(parsed->arch)->suffix != 0)
      return blame("arch", "has a suffix; a GPU's compute capability is written like '90'");
    if (is_generic(parsed->arch)) return blame("arch", "is a generic target; no GPU is one");
    if (parsed->xnack != feature::unstated || parsed->sramecc != feature::unstated)
      return blame("arch", "states switches; they belong in 'xnack' and 'sramecc'");
    out.arch = parsed->arch;
  }

  const rapidjson::Value& object_;
  std::string where_;
  std::string problem_;
};

struct file_descriptor {
  int fd = -1;
  ~file_descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

result<std::string> read_small_file(const std::filesystem::path& file) {
  // O_NONBLOCK: a FIFO put in the file's place must not hang us.
  file_descriptor in{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (in.fd < 0) return fail(errno == ENOENT ? errc::not_found : errc::io, std::strerror(errno));
  struct stat info {};
  if (::fstat(in.fd, &info) != 0) return fail(errc::io, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return fail(errc::malformed, "it is not a regular file");
  std::string out(max_inventory_bytes + 1, '\0');
  size_t size = 0;
  while (size < out.size()) {
    const ssize_t n = ::read(in.fd, out.data() + size, out.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errc::io, std::strerror(errno));
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  out.resize(size);
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

result<std::vector<gpu>> parse_inventory(std::string_view json) {
  if (json.size() > max_inventory_bytes)
    return fail(errc::limit_exceeded, "the GPU inventory is larger than 1 MiB");
  rapidjson::Document doc;
  // Iterative: nesting costs heap that the size above bounds, never stack.
  doc.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(json.data(),
                                                                                    json.size());
  if (doc.HasParseError())
    return fail(errc::malformed, std::string("the GPU inventory is not JSON: ") +
                                     rapidjson::GetParseError_En(doc.GetParseError()) +
                                     " (at byte " + std::to_string(doc.GetErrorOffset()) + ")");
  if (!doc.IsObject() || !doc.HasMember("gpus") || !doc["gpus"].IsArray())
    return fail(errc::malformed, "the GPU inventory has no array 'gpus'");
  const auto& list = doc["gpus"];
  if (list.Size() > max_gpus)
    return fail(errc::limit_exceeded,
                "'gpus' has more than " + std::to_string(max_gpus) + " entries");
  std::vector<gpu> out;
  std::set<int32_t> ids;
  for (rapidjson::SizeType i = 0; i < list.Size(); ++i) {
    const auto where = "gpus[" + std::to_string(i) + "]";
    auto one = gpu_reader(list[i], where).read();
    if (!one) return fail(one.error());
    if (!ids.insert(one->id).second)
      return fail(errc::malformed, where + ".id " + std::to_string(one->id) + " is there twice");
    out.push_back(std::move(*one));
  }
  return out;
}

result<std::vector<gpu>> read_inventory(const std::filesystem::path& file) {
  const auto step = "Failed to read the GPU inventory '" + file.string() + "'";
  auto text = read_small_file(file);
  if (!text) return wrap(text.error(), step);
  auto out = parse_inventory(*text);
  if (!out) return wrap(out.error(), step);
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
