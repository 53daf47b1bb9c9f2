#include "gpus/drivers/kfd_properties.hpp"

#include "gpus/arch.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace gkm::gpus {
namespace {

constexpr uint64_t capability_sram_edc_supported = 0x0400'0000;

constexpr std::array fields{
    std::pair{std::string_view("simd_count"), &kfd_properties::simd_count},
    std::pair{std::string_view("gfx_target_version"), &kfd_properties::gfx_target_version},
    std::pair{std::string_view("wave_front_size"), &kfd_properties::wave_front_size},
    std::pair{std::string_view("capability"), &kfd_properties::capability},
    std::pair{std::string_view("unique_id"), &kfd_properties::unique_id},
    std::pair{std::string_view("domain"), &kfd_properties::domain},
    std::pair{std::string_view("location_id"), &kfd_properties::location_id},
    std::pair{std::string_view("drm_render_minor"), &kfd_properties::drm_render_minor},
};

void read_line(kfd_properties& out, std::string_view line) {
  const auto space = line.find(' ');
  if (space == line.npos) return;
  const auto number = line.substr(space + 1);
  uint64_t value = 0;
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (failed != std::errc() || end != number.data() + number.size()) return;
  for (const auto& [name, field] : fields)
    if (line.substr(0, space) == name) out.*field = value;
}

bool has_sramecc(std::string_view arch) {
  for (int mach = 0; mach <= UINT8_MAX; ++mach)
    if (const auto* known = find_amd_arch(static_cast<uint8_t>(mach)); known && known->name == arch)
      return known->has_sramecc;
  return false;
}

}  // namespace

kfd_properties parse_kfd_properties(std::string_view text) {
  kfd_properties out;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    read_line(out, line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return out;
}

std::string gfx_name(uint64_t version) {
  constexpr uint64_t max_hex_digit = 15;
  constexpr std::string_view digits = "0123456789abcdef";
  const auto major = version / 10'000;
  const auto minor = version / 100 % 100;
  const auto stepping = version % 100;
  if (major == 0 || minor > max_hex_digit || stepping > max_hex_digit) return "";
  auto name = "gfx" + std::to_string(major) + digits[minor] + digits[stepping];
  return is_amd_arch(name) ? name : "";
}

feature sramecc_of(std::string_view arch, uint64_t capability) {
  if (!has_sramecc(arch)) return feature::unstated;
  return capability & capability_sram_edc_supported ? feature::on : feature::off;
}

}  // namespace gkm::gpus
