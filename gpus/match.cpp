#include "gpus/match.hpp"

#include "gpus/arch.hpp"
#include "gpus/quote.hpp"

#include <algorithm>
#include <tuple>

namespace gkm::gpus {
namespace {

constexpr size_t max_targets_shown = 4;
constexpr uint32_t cuda_warp_size = 32;

enum class misfit { none, backend, arch, features, warp };

bool arch_fits(const target& built_for, const gpu& device) {
  if (built_for.backend != "cuda")
    return built_for.arch == device.arch || is_member(built_for.arch, device.arch);
  auto built = parse_cuda_arch(built_for.arch);
  auto has = parse_cuda_arch(device.arch);
  return built && has && runs_on(*built, has->sm);
}

misfit misfit_of(const target& built_for, const gpu& device) {
  if (built_for.backend != device.backend) return misfit::backend;
  if (!arch_fits(built_for, device)) return misfit::arch;
  if (!agree(built_for.xnack, device.xnack) || !agree(built_for.sramecc, device.sramecc))
    return misfit::features;
  const bool both_state = built_for.warp_size != 0 && device.warp_size != 0;
  return both_state && built_for.warp_size != device.warp_size ? misfit::warp : misfit::none;
}

// "sm_80" comes before "sm_100", which a comparison of text would turn round.
bool in_reading_order(const target& a, const target& b) {
  return std::tuple(a.backend, a.arch.size(), a) < std::tuple(b.backend, b.arch.size(), b);
}

std::string with_warp(const target& t) {
  return t.str() + (t.warp_size ? " with warp size " + std::to_string(t.warp_size) : "");
}

// "gfx90a", "gfx90a and gfx942", "sm_70, sm_75, sm_80, sm_86 and 3 more"
template <class Print>
std::string list(std::vector<target> targets, Print print) {
  std::sort(targets.begin(), targets.end(), in_reading_order);
  std::vector<std::string> names;
  for (const auto& t : targets)
    if (auto name = print(t); names.empty() || names.back() != name) names.push_back(name);
  const size_t shown = std::min(names.size(), max_targets_shown);
  std::string out;
  for (size_t i = 0; i < shown; ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  if (shown < names.size()) out += " and " + std::to_string(names.size() - shown) + " more";
  return out;
}

std::string list(const std::vector<target>& targets) {
  return list(targets, [](const target& t) { return t.str(); });
}

// The GPU in the words of a target, so that "gfx90a:xnack+" is set against "gfx90a:xnack-".
std::string gpu_text(const gpu& device) {
  return target{device.backend, device.arch, 0, device.xnack, device.sramecc}.str();
}

std::string vendor_gpu(const gpu& device) {
  return (device.backend == "cuda" ? "NVIDIA " : "AMD ") + device.arch_str();
}

std::string why_not(const std::vector<target>& targets, const gpu& device) {
  misfit nearest = misfit::backend;
  const target* nearest_target = &targets.front();
  for (const auto& t : targets)
    if (auto m = misfit_of(t, device); m > nearest) nearest = m, nearest_target = &t;
  switch (nearest) {
    case misfit::warp:
      return "built for " + nearest_target->str() + " with warp size " +
             std::to_string(nearest_target->warp_size) + ", this GPU has warp size " +
             std::to_string(device.warp_size);
    case misfit::features:
      return "built for " + list(targets) + ", this is " + gpu_text(device);
    case misfit::backend:
      return std::string("built for ") + (device.backend == "cuda" ? "AMD " : "CUDA ") +
             list(targets) + ", this GPU is " + vendor_gpu(device);
    case misfit::arch:
    case misfit::none:
      break;
  }
  return "built for " + list(targets) + ", this is " + device.arch_str();
}

result<target> parse_cuda(std::string_view text, uint32_t warp_size) {
  auto number = text;
  if (number.starts_with("sm_")) number.remove_prefix(3);
  if (number.find('.') != std::string_view::npos)
    return fail(errc::invalid_argument, "CUDA architecture " + in_quotes(text) +
                                            " looks like a version of CUDA; a compute capability "
                                            "is written like '90'");
  auto arch = parse_cuda_arch(number);
  if (!arch)
    return fail(errc::invalid_argument, "CUDA architecture " + in_quotes(text) +
                                            " is not a compute capability like '75', '90a' or "
                                            "'100f'");
  if (warp_size != 0 && warp_size != cuda_warp_size)
    return fail(errc::invalid_argument, "CUDA architecture " + in_quotes(text) + " has warp size " +
                                            std::to_string(warp_size) + " where it can only be 32");
  return target{"cuda", arch->str(), warp_size, feature::unstated, feature::unstated};
}

bool set_feature(target& t, std::string_view item) {
  const auto name = item.substr(0, item.empty() ? 0 : item.size() - 1);
  if (!item.ends_with('+') && !item.ends_with('-')) return false;
  feature* where = name == "xnack" ? &t.xnack : name == "sramecc" ? &t.sramecc : nullptr;
  if (!where || *where != feature::unstated) return false;
  *where = item.back() == '+' ? feature::on : feature::off;
  return true;
}

result<target> parse_hip(std::string_view text, uint32_t warp_size) {
  const auto name = text.substr(0, text.find(':'));
  target out{"hip", std::string(name), warp_size, feature::unstated, feature::unstated};
  bool good = is_amd_arch(name);
  for (auto rest = text.substr(name.size()); good && !rest.empty();) {
    rest.remove_prefix(1);
    const auto item = rest.substr(0, rest.find(':'));
    good = set_feature(out, item);
    rest.remove_prefix(item.size());
  }
  if (!good)
    return fail(errc::invalid_argument, "HIP architecture " + in_quotes(text) +
                                            " is not a gfx target like 'gfx90a' or "
                                            "'gfx90a:sramecc+:xnack-'");
  if (warp_size != 0 && warp_size != 32 && warp_size != 64)
    return fail(errc::invalid_argument, "HIP architecture " + in_quotes(text) + " has warp size " +
                                            std::to_string(warp_size) +
                                            " where it can only be 32 or 64");
  return out;
}

bool each_has_its_like(const std::vector<target>& these, const std::vector<target>& those) {
  return std::all_of(these.begin(), these.end(), [&](const target& t) {
    return std::any_of(those.begin(), those.end(), [&](const target& o) { return agree(t, o); });
  });
}

}  // namespace

bool fits(const target& built_for, const gpu& device) {
  return misfit_of(built_for, device) == misfit::none;
}

match_result match(const std::vector<target>& targets, const std::vector<gpu>& gpus) {
  match_result out;
  if (targets.empty()) return out;
  out.known = true;
  for (const auto& device : gpus) {
    const bool good = std::any_of(targets.begin(), targets.end(),
                                  [&](const target& t) { return fits(t, device); });
    out.gpus.push_back({device.id, good, good ? "" : why_not(targets, device)});
  }
  return out;
}

std::string compare_label(const std::vector<target>& label, const std::vector<target>& kernels) {
  if (label.empty() || kernels.empty()) return "";
  if (each_has_its_like(label, kernels) && each_has_its_like(kernels, label)) return "";
  auto said = list(label);
  auto built = list(kernels);
  if (said == built) said = list(label, with_warp), built = list(kernels, with_warp);
  return "label says " + said + ", kernels are built for " + built;
}

result<target> parse_target(std::string_view backend, std::string_view arch, uint32_t warp_size) {
  if (backend == "cuda") return parse_cuda(arch, warp_size);
  if (backend == "hip") return parse_hip(arch, warp_size);
  return fail(errc::invalid_argument,
              "GPU backend " + in_quotes(backend) + " is neither 'cuda' nor 'hip'");
}

}  // namespace gkm::gpus
