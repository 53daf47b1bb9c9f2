/// What an image's labels and annotations claim. Hints only: whatever is wrong in them is noted,
/// never an error, and what the kernels say wins later.
#include "messages/printable.hpp"
#include "oci/json.hpp"
#include "oci/manifest.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gkm::oci {
namespace {

using text_map = std::map<std::string, std::string>;

constexpr size_t max_targets = 64;
constexpr size_t max_summary_bytes = 64 << 10;
constexpr uint32_t max_warp_size = 1'024;

// vLLM first: its caches hold Triton kernels, but not the other way round.
constexpr std::array<std::string_view, 2> cache_types = {"vllm", "triton"};
constexpr std::string_view generic_prefix = "model.cache.image/";

std::string prefix_of(std::string_view cache_type) {
  return "cache." + std::string(cache_type) + ".image/";
}

bool has_prefix(const text_map& labels, const std::string& prefix) {
  auto it = labels.lower_bound(prefix);
  return it != labels.end() && it->first.starts_with(prefix);
}

const std::string* find(const text_map& labels, const std::string& key) {
  auto it = labels.find(key);
  return it == labels.end() ? nullptr : &it->second;
}

std::optional<uint64_t> to_number(const std::string* text) {
  uint64_t number = 0;
  if (!text) return {};
  const char* end = text->data() + text->size();
  auto [stop, status] = std::from_chars(text->data(), end, number);
  if (status != std::errc() || stop != end || text->empty()) return {};
  return number;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "75", "90a", "100f": two or three digits, perhaps with a variant.
bool is_cuda_arch(std::string_view arch) {
  if (!arch.empty() && (arch.back() == 'a' || arch.back() == 'f')) arch.remove_suffix(1);
  return (arch.size() == 2 || arch.size() == 3) && arch.front() != '0' &&
         std::all_of(arch.begin(), arch.end(), is_digit);
}

// "gfx90a", "gfx1100", "gfx9-4-generic".
bool is_hip_arch(std::string_view arch) {
  constexpr size_t max_arch_chars = 24;
  if (!arch.starts_with("gfx") || arch.size() > max_arch_chars) return false;
  arch.remove_prefix(3);
  auto fits = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; };
  return !arch.empty() && is_digit(arch.front()) && std::all_of(arch.begin(), arch.end(), fits);
}

// Reads ":sramecc+:xnack-" behind an AMD architecture.
bool read_features(std::string_view text, target& out) {
  while (!text.empty()) {
    text.remove_prefix(1);
    auto word = text.substr(0, text.find(':'));
    text.remove_prefix(word.size());
    if (word.empty() || (word.back() != '+' && word.back() != '-')) return false;
    auto state = word.back() == '+' ? feature::on : feature::off;
    word.remove_suffix(1);
    if (word == "xnack")
      out.xnack = state;
    else if (word == "sramecc")
      out.sramecc = state;
    else
      return false;
  }
  return true;
}

bool read_arch(const json::value* from, target& out) {
  if (!from) return false;
  if (from->IsUint()) {
    out.arch = std::to_string(from->GetUint());
    return out.backend == "cuda" && is_cuda_arch(out.arch);
  }
  if (!from->IsString()) return false;
  auto text = json::view(*from);
  if (out.backend == "cuda") {
    if (text.starts_with("sm_")) text.remove_prefix(3);
    out.arch = std::string(text);
    return is_cuda_arch(text);
  }
  auto features = std::min(text.find(':'), text.size());
  out.arch = std::string(text.substr(0, features));
  return is_hip_arch(out.arch) && read_features(text.substr(features), out);
}

// What is wrong with the entry, or "" and a good `out`.
std::string read_target(const json::value& from, target& out) {
  const auto* backend = json::find(from, "backend");
  if (!backend || !backend->IsString()) return "a target without backend";
  out.backend = std::string(json::view(*backend));
  if (out.backend != "cuda" && out.backend != "hip")
    return "backend '" + printable(out.backend, 40) + "' is neither cuda nor hip";
  const auto* arch = json::find(from, "arch");
  if (!read_arch(arch, out)) {
    if (!arch || !arch->IsString()) return "a " + out.backend + " target without a valid arch";
    return "arch '" + printable(json::view(*arch), 40) + "' is no " + out.backend + " architecture";
  }
  if (const auto* warp = json::find(from, "warp_size")) {
    if (!warp->IsUint() || warp->GetUint() > max_warp_size)
      return "a warp_size that is no small number";
    out.warp_size = warp->GetUint();
  }
  return "";
}

void read_summary(const std::string& text, cache_hints& out) {
  if (text.size() > max_summary_bytes) {
    out.problem = "summary has more than 65536 bytes";
    return;
  }
  rapidjson::Document document;
  if (auto ok = json::parse(text, "summary", document); !ok) {
    out.problem = ok.error().message;
    return;
  }
  const auto* list = json::find(document, "targets");
  if (!list || !list->IsArray()) {
    out.problem = "summary has no list of targets";
    return;
  }
  for (const auto& member : list->GetArray()) {
    target t;
    auto problem = read_target(member, t);
    if (problem.empty() && out.targets.size() == max_targets) problem = "more than 64 targets";
    if (problem.empty()) {
      if (std::find(out.targets.begin(), out.targets.end(), t) == out.targets.end())
        out.targets.push_back(std::move(t));
    } else if (out.problem.empty()) {
      out.problem = "summary: " + problem;
    }
  }
}

std::string told_cache_type(const text_map& labels) {
  for (auto type : cache_types)
    if (find(labels, prefix_of(type) + "summary")) return std::string(type);
  for (auto type : cache_types)
    if (has_prefix(labels, prefix_of(type))) return std::string(type);
  for (std::string key : {"model.cache.image/type", "io.kserve.km/cache-type"})
    if (const auto* told = find(labels, key))
      if (std::find(cache_types.begin(), cache_types.end(), *told) != cache_types.end())
        return *told;
  return "";
}

void fill_from(const text_map& labels, cache_hints& out) {
  if (out.cache_type.empty()) out.cache_type = told_cache_type(labels);
  std::vector<std::string> prefixes;
  for (auto type : cache_types)
    if (out.cache_type.empty() || out.cache_type == type) prefixes.push_back(prefix_of(type));
  prefixes.emplace_back(generic_prefix);
  for (const auto& prefix : prefixes) {
    const auto* summary = find(labels, prefix + "summary");
    if (summary && out.targets.empty() && out.problem.empty()) read_summary(*summary, out);
    if (!out.entry_count) out.entry_count = to_number(find(labels, prefix + "entry-count"));
    if (!out.size_bytes) out.size_bytes = to_number(find(labels, prefix + "cache-size-bytes"));
    const auto* format = find(labels, prefix + "format");
    if (format && out.format.empty()) out.format = printable(*format, 40);
  }
}

}  // namespace

cache_hints read_hints(const text_map& labels, const text_map& annotations) {
  cache_hints out;
  fill_from(labels, out);
  fill_from(annotations, out);
  return out;
}

}  // namespace gkm::oci
