#include "sample/target.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace gkm::sample {
namespace {

struct gfx {
  std::string_view name;
  uint32_t flags;
  unsigned warp_size;
};

// Machine in the low byte; 0x100 and 0x400: built for any xnack and any sramecc mode.
constexpr auto known_gfx = std::to_array<gfx>({{"gfx900", 0x12c, 64},
                                               {"gfx906", 0x52f, 64},
                                               {"gfx908", 0x530, 64},
                                               {"gfx90a", 0x53f, 64},
                                               {"gfx942", 0x54c, 64},
                                               {"gfx950", 0x54f, 64},
                                               {"gfx1030", 0x036, 32},
                                               {"gfx1100", 0x041, 32},
                                               {"gfx1101", 0x046, 32},
                                               {"gfx1102", 0x047, 32},
                                               {"gfx1150", 0x043, 32},
                                               {"gfx1151", 0x04a, 32},
                                               {"gfx1200", 0x048, 32},
                                               {"gfx1201", 0x04e, 32}});

result<gpu_target> unknown(std::string_view name) {
  std::string known;
  for (const auto& g : known_gfx) known.append(g.name).append(", ");
  return fail(errc::invalid_argument, "Cannot make kernels for '" + std::string(name) +
                                          "': use one of " + known + "or sm_ and a number");
}

// e_flags of ABI version 7: SM in bits 0-7 and again in 16-23, 0x800 for the `a` variant.
uint32_t cuda_flags(unsigned sm, bool a_variant) {
  constexpr uint32_t always = 0x500;
  constexpr uint32_t a_bit = 0x800;
  return sm << 16 | sm | always | (a_variant ? a_bit : 0);
}

}  // namespace

result<gpu_target> parse_target(std::string_view name) {
  constexpr std::string_view cuda_prefix = "sm_";
  if (!name.starts_with(cuda_prefix)) {
    auto found = std::ranges::find(known_gfx, name, &gfx::name);
    if (found == known_gfx.end()) return unknown(name);
    return gpu_target{gpu_backend::hip, std::string(name), 0, found->warp_size, found->flags};
  }
  auto number = name.substr(cuda_prefix.size());
  const bool a_variant = number.ends_with('a');
  if (a_variant) number.remove_suffix(1);
  unsigned sm = 0;
  auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), sm);
  constexpr unsigned oldest_sm = 50;
  constexpr unsigned newest_sm = 255;
  if (failed != std::errc() || end != number.data() + number.size() || sm < oldest_sm ||
      sm > newest_sm)
    return unknown(name);
  return gpu_target{gpu_backend::cuda, std::string(name), sm, 32, cuda_flags(sm, a_variant)};
}

}  // namespace gkm::sample
