#include "gpus/arch.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gkm::gpus {
namespace {

// 10.1 was a family of its own before it was renamed 11.0 (CUDA 12.9: compute_101f).
constexpr uint32_t sm_of_its_own = 101;

constexpr std::array amd_archs{
    amd_arch{0x20, "gfx600"},
    amd_arch{0x21, "gfx601"},
    amd_arch{0x22, "gfx700"},
    amd_arch{0x23, "gfx701"},
    amd_arch{0x24, "gfx702"},
    amd_arch{0x25, "gfx703"},
    amd_arch{0x26, "gfx704"},
    amd_arch{0x28, "gfx801", true},
    amd_arch{0x29, "gfx802"},
    amd_arch{0x2a, "gfx803"},
    amd_arch{0x2b, "gfx810", true},
    amd_arch{0x2c, "gfx900", true},
    amd_arch{0x2d, "gfx902", true},
    amd_arch{0x2e, "gfx904", true},
    amd_arch{0x2f, "gfx906", true, true},
    amd_arch{0x30, "gfx908", true, true},
    amd_arch{0x31, "gfx909", true},
    amd_arch{0x32, "gfx90c", true},
    amd_arch{0x33, "gfx1010", true},
    amd_arch{0x34, "gfx1011", true},
    amd_arch{0x35, "gfx1012", true},
    amd_arch{0x36, "gfx1030"},
    amd_arch{0x37, "gfx1031"},
    amd_arch{0x38, "gfx1032"},
    amd_arch{0x39, "gfx1033"},
    amd_arch{0x3a, "gfx602"},
    amd_arch{0x3b, "gfx705"},
    amd_arch{0x3c, "gfx805"},
    amd_arch{0x3d, "gfx1035"},
    amd_arch{0x3e, "gfx1034"},
    amd_arch{0x3f, "gfx90a", true, true},
    amd_arch{0x40, "gfx940", true, true},
    amd_arch{0x41, "gfx1100"},
    amd_arch{0x42, "gfx1013", true},
    amd_arch{0x43, "gfx1150"},
    amd_arch{0x44, "gfx1103"},
    amd_arch{0x45, "gfx1036"},
    amd_arch{0x46, "gfx1101"},
    amd_arch{0x47, "gfx1102"},
    amd_arch{0x48, "gfx1200"},
    amd_arch{0x49, "gfx1250"},
    amd_arch{0x4a, "gfx1151"},
    amd_arch{0x4b, "gfx941", true, true},
    amd_arch{0x4c, "gfx942", true, true},
    amd_arch{0x4e, "gfx1201"},
    amd_arch{0x4f, "gfx950", true, true},
    amd_arch{0x50, "gfx1310"},
    amd_arch{0x51, "gfx9-generic", true},
    amd_arch{0x52, "gfx10-1-generic", true},
    amd_arch{0x53, "gfx10-3-generic"},
    amd_arch{0x54, "gfx11-generic"},
    amd_arch{0x55, "gfx1152"},
    amd_arch{0x57, "gfx1154"},
    amd_arch{0x58, "gfx1153"},
    amd_arch{0x59, "gfx12-generic"},
    amd_arch{0x5a, "gfx1251"},
    amd_arch{0x5b, "gfx12-5-generic"},
    amd_arch{0x5c, "gfx1172"},
    amd_arch{0x5d, "gfx1170"},
    amd_arch{0x5e, "gfx1171"},
    amd_arch{0x5f, "gfx9-4-generic", true, true},
    amd_arch{0x62, "gfx11-7-generic"},
    amd_arch{0x63, "gfx13-generic"},
};

struct generic_members {
  std::string_view generic;
  std::array<std::string_view, 9> members;
};

constexpr std::array generics{
    generic_members{"gfx9-generic", {"gfx900", "gfx902", "gfx904", "gfx906", "gfx909", "gfx90c"}},
    generic_members{"gfx9-4-generic", {"gfx940", "gfx941", "gfx942", "gfx950"}},
    generic_members{"gfx10-1-generic", {"gfx1010", "gfx1011", "gfx1012", "gfx1013"}},
    generic_members{"gfx10-3-generic",
                    {"gfx1030", "gfx1031", "gfx1032", "gfx1033", "gfx1034", "gfx1035", "gfx1036"}},
    generic_members{"gfx11-generic",
                    {"gfx1100", "gfx1101", "gfx1102", "gfx1103", "gfx1150", "gfx1151", "gfx1152",
                     "gfx1153", "gfx1154"}},
    generic_members{"gfx11-7-generic", {"gfx1170", "gfx1171", "gfx1172"}},
    generic_members{"gfx12-generic", {"gfx1200", "gfx1201"}},
    generic_members{"gfx12-5-generic", {"gfx1250", "gfx1251"}},
    generic_members{"gfx13-generic", {"gfx1310"}},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

// "75", "90a" and "100f" could be one kernel's 75, 90 and 100; "100a" and "100f" could not.
bool archs_agree(const target& a, const target& b) {
  if (a.arch == b.arch) return true;
  if (a.backend != "cuda") return false;
  auto x = parse_cuda_arch(a.arch);
  auto y = parse_cuda_arch(b.arch);
  return x && y && x->sm == y->sm && (x->suffix == 0 || y->suffix == 0 || x->suffix == y->suffix);
}

}  // namespace

std::string cuda_arch::str() const {
  std::string out = std::to_string(sm);
  if (suffix != 0) out += suffix;
  return out;
}

std::optional<cuda_arch> parse_cuda_arch(std::string_view text) {
  cuda_arch out;
  if (!text.empty() && (text.back() == 'a' || text.back() == 'f')) {
    out.suffix = text.back();
    text.remove_suffix(1);
  }
  const bool two_or_three = text.size() == 2 || text.size() == 3;
  if (!two_or_three || text.front() == '0' || !std::all_of(text.begin(), text.end(), is_digit))
    return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), out.sm);
  if (out.sm < min_sm || out.sm > max_sm) return std::nullopt;
  if (out.suffix == 'a' && out.sm < first_sm_with_a) return std::nullopt;
  if (out.suffix == 'f' && out.sm < first_sm_with_f) return std::nullopt;
  return out;
}

bool runs_on(const cuda_arch& built_for, uint32_t sm) {
  if (built_for.sm == sm) return true;
  if (built_for.suffix != 'f') return false;
  if (built_for.sm == sm_of_its_own || sm == sm_of_its_own) return false;
  return built_for.sm / 10 == sm / 10 && built_for.sm < sm;
}

const amd_arch* find_amd_arch(uint8_t mach) {
  auto found = std::find_if(amd_archs.begin(), amd_archs.end(),
                            [&](const amd_arch& a) { return a.mach == mach; });
  return found == amd_archs.end() ? nullptr : &*found;
}

bool is_generic(std::string_view name) {
  return std::any_of(generics.begin(), generics.end(),
                     [&](const generic_members& g) { return g.generic == name; });
}

bool is_amd_arch(std::string_view name) {
  constexpr std::string_view prefix = "gfx";
  if (is_generic(name)) return true;
  if (!name.starts_with(prefix)) return false;
  // One or two digits of major version, one of minor, a hex digit of stepping.
  auto rest = name.substr(prefix.size());
  if ((rest.size() != 3 && rest.size() != 4) || rest.front() == '0') return false;
  return is_hex(rest.back()) && std::all_of(rest.begin(), rest.end() - 1, is_digit);
}

bool is_member(std::string_view generic, std::string_view name) {
  for (const auto& g : generics)
    if (g.generic == generic)
      return !name.empty() &&
             std::find(g.members.begin(), g.members.end(), name) != g.members.end();
  return false;
}

bool agree(feature a, feature b) {
  auto is_open = [](feature f) { return f == feature::unstated || f == feature::any; };
  return is_open(a) || is_open(b) || a == b;
}

bool agree(const target& a, const target& b) {
  const bool warps = a.warp_size == 0 || b.warp_size == 0 || a.warp_size == b.warp_size;
  return a.backend == b.backend && archs_agree(a, b) && warps && agree(a.xnack, b.xnack) &&
         agree(a.sramecc, b.sramecc);
}

}  // namespace gkm::gpus
