#include "gpus/kernels/kernel_text.hpp"

#include "gpus/match.hpp"
#include "messages/json/json.hpp"

#include <algorithm>
#include <string>

namespace gkm::gpus {
namespace {

std::string_view view(const rapidjson::Value& text) {
  return {text.GetString(), text.GetStringLength()};
}

}  // namespace

std::optional<result<target>> read_kernel_json(std::string_view text) {
  const auto doc = json::parse(text);
  if (!doc || !doc->IsObject()) return std::nullopt;
  const auto found = doc->FindMember("target");
  if (found == doc->MemberEnd() || !found->value.IsObject()) return std::nullopt;
  const auto& object = found->value;
  const auto backend = object.FindMember("backend");
  const auto arch = object.FindMember("arch");
  if (backend == object.MemberEnd() || arch == object.MemberEnd() || !backend->value.IsString())
    return std::nullopt;
  uint32_t warp_size = 0;
  if (auto warp = object.FindMember("warp_size");
      warp != object.MemberEnd() && warp->value.IsUint())
    warp_size = warp->value.GetUint();
  if (arch->value.IsUint())
    return parse_target(view(backend->value), std::to_string(arch->value.GetUint()), warp_size);
  if (arch->value.IsString())
    return parse_target(view(backend->value), view(arch->value), warp_size);
  return fail(errc::invalid_argument, "'target.arch' is neither a number nor a string");
}

std::optional<cuda_arch> read_ptx_target(std::string_view text) {
  constexpr std::string_view directive = ".target";
  constexpr std::string_view space = " \t";
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(directive)) continue;
    line.remove_prefix(directive.size());
    const auto name = line.find_first_not_of(space);
    if (name == 0 || name == line.npos) continue;
    line.remove_prefix(name);
    if (!line.starts_with("sm_")) return std::nullopt;
    line.remove_prefix(3);
    return parse_cuda_arch(line.substr(0, line.find_first_of(", \t\r")));
  }
  return std::nullopt;
}

}  // namespace gkm::gpus
