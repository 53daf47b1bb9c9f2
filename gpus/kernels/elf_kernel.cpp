#include "gpus/kernels/elf_kernel.hpp"

#include "gpus/arch.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace gkm::gpus {
namespace {

using bytes = std::span<const std::byte>;

constexpr uint16_t machine_cuda = 190;
constexpr uint16_t machine_amd = 224;
constexpr uint8_t os_abi_cuda_7 = 0x33;
constexpr uint8_t os_abi_cuda_8 = 0x41;
constexpr uint8_t os_abi_amd = 0x40;

constexpr uint32_t cuda_7_is_a = 0x800;
constexpr uint32_t cuda_8_is_a = 0x8;

constexpr size_t section_bytes = 64;
constexpr size_t segment_bytes = 56;
constexpr uint32_t type_note = 7;
constexpr uint32_t type_compat = 0x70000086;
constexpr size_t max_section_bytes = 64 << 10;
constexpr uint32_t note_tool_info = 2000;
constexpr std::string_view note_owner{"NVIDIA Corp\0", 12};
constexpr std::byte accelerator_target{0x09};

template <class T>
T load(bytes data, size_t at) {
  T out;
  std::memcpy(&out, data.data() + at, sizeof out);
  return out;
}

uint8_t load_u8(bytes data, size_t at) { return load<uint8_t>(data, at); }

// Saturates, since both come from outside.
uint64_t add(uint64_t a, uint64_t b) { return a + b < a ? UINT64_MAX : a + b; }

std::string hex(uint32_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  do out.insert(out.begin(), digits[value % 16]);
  while ((value /= 16) != 0);
  return "0x" + out;
}

bool known_os_abi(uint16_t machine, uint8_t os_abi) {
  if (machine == machine_amd) return os_abi == os_abi_amd;
  return machine == machine_cuda && (os_abi == os_abi_cuda_7 || os_abi == os_abi_cuda_8);
}

struct section {
  uint32_t type = 0;
  uint64_t offset = 0;
  uint64_t size = 0;

  uint64_t end() const { return add(offset, size); }
};

uint64_t table_end(const elf_header& h) {
  return add(h.section_offset, uint64_t{h.section_count} * section_bytes);
}

// The few sections that tell a suffix, small enough to be what they claim.
template <class Visit>
void for_telling_sections(const elf_header& h, bytes image, Visit visit) {
  for (size_t i = 0; i < h.section_count; ++i) {
    const size_t at = h.section_offset + i * section_bytes;
    const section s{load<uint32_t>(image, at + 4), load<uint64_t>(image, at + 24),
                    load<uint64_t>(image, at + 32)};
    if ((s.type == type_note || s.type == type_compat) && s.size <= max_section_bytes) visit(s);
  }
}

// Records of format, attribute and a u16; format 4 has that many bytes after it, padded to four.
std::optional<bool> compat_says_a(bytes data) {
  constexpr std::byte with_payload{4};
  for (size_t at = 0; at + 4 <= data.size();) {
    const auto value = load<uint16_t>(data, at + 2);
    if (data[at] == with_payload) {
      at += 4 + (size_t{value} + 3) / 4 * 4;
      continue;
    }
    if (data[at + 1] == accelerator_target) return value == 1;
    at += 4;
  }
  return std::nullopt;
}

// The tool's command line within the note: "-arch sm_100f", also with '='.
std::optional<char> suffix_in_options(std::string_view text, uint32_t sm) {
  constexpr std::string_view option = "-arch";
  const auto wanted = "sm_" + std::to_string(sm);
  for (size_t at = text.find(option); at != text.npos; at = text.find(option, at + 1)) {
    auto rest = text.substr(at + option.size());
    if (rest.empty() || (rest.front() != ' ' && rest.front() != '=')) continue;
    rest.remove_prefix(1);
    if (!rest.starts_with(wanted)) continue;
    rest.remove_prefix(wanted.size());
    if (rest.empty() || rest.front() == ' ' || rest.front() == '\0') return char{0};
    if (rest.front() == 'a' || rest.front() == 'f') return rest.front();
  }
  return std::nullopt;
}

std::optional<char> note_suffix(bytes data, uint32_t sm) {
  constexpr size_t note_header_bytes = 12;
  auto padded = [](uint32_t size) { return (size_t{size} + 3) / 4 * 4; };
  while (data.size() >= note_header_bytes) {
    const auto name_size = load<uint32_t>(data, 0);
    const auto text_size = load<uint32_t>(data, 4);
    const auto type = load<uint32_t>(data, 8);
    data = data.subspan(note_header_bytes);
    if (padded(name_size) > data.size() || text_size > data.size() - padded(name_size)) break;
    const std::string_view all(reinterpret_cast<const char*>(data.data()), data.size());
    if (type == note_tool_info && all.substr(0, name_size) == note_owner)
      if (auto found = suffix_in_options(all.substr(padded(name_size), text_size), sm))
        return found;
    data = data.subspan(std::min(data.size(), padded(name_size) + padded(text_size)));
  }
  return std::nullopt;
}

kernel_info read_cuda(const elf_header& h) {
  kernel_info out;
  if (h.abi_version != 7 && h.abi_version != 8) {
    out.problem = "unknown CUDA ABI version " + std::to_string(h.abi_version);
    return out;
  }
  const bool old = h.abi_version == 7;
  cuda_arch arch{old ? h.flags & 0xff : (h.flags >> 8) & 0xff, 0};
  if (arch.sm < min_sm || arch.sm > max_sm) {
    out.problem = "unknown architecture " + hex(arch.sm) + " (CUDA)";
    return out;
  }
  const bool says_a = (h.flags & (old ? cuda_7_is_a : cuda_8_is_a)) != 0;
  if (says_a && arch.sm >= first_sm_with_a) arch.suffix = 'a';
  out.needs_sections = !old && arch.suffix == 0 && arch.sm >= first_sm_with_a;
  out.built_for = {"cuda", arch.str(), 0, feature::unstated, feature::unstated};
  return out;
}

feature two_bits(uint32_t value) {
  constexpr feature meaning[] = {feature::unstated, feature::any, feature::off, feature::on};
  return meaning[value & 3];
}

kernel_info read_amd(const elf_header& h) {
  kernel_info out;
  if (h.abi_version < 1 || h.abi_version > 4) {
    out.problem = "unknown AMD code object ABI version " + std::to_string(h.abi_version);
    return out;
  }
  const auto* arch = find_amd_arch(static_cast<uint8_t>(h.flags & 0xff));
  if (!arch) {
    out.problem = "unknown architecture " + hex(h.flags & 0xff) + " (AMD)";
    return out;
  }
  out.built_for = {"hip", std::string(arch->name), 0, feature::unstated, feature::unstated};
  if (h.abi_version >= 2) {
    out.built_for.xnack = two_bits(h.flags >> 8);
    out.built_for.sramecc = two_bits(h.flags >> 10);
    return out;
  }
  // V3 has one bit each, which says nothing where the processor lacks the switch.
  auto on_or_off = [&](uint32_t bit) { return h.flags & bit ? feature::on : feature::off; };
  if (arch->has_xnack) out.built_for.xnack = on_or_off(0x100);
  if (arch->has_sramecc) out.built_for.sramecc = on_or_off(0x200);
  return out;
}

}  // namespace

std::optional<elf_header> parse_kernel_header(bytes data) {
  constexpr std::string_view magic{
      "\x7f"
      "ELF\x02\x01\x01",
      7};  // 64 bit, little endian, version 1
  if (data.size() < elf_header_bytes || std::memcmp(data.data(), magic.data(), magic.size()) != 0)
    return std::nullopt;
  for (size_t i = 9; i < 16; ++i)
    if (data[i] != std::byte{0}) return std::nullopt;
  elf_header h;
  h.os_abi = load_u8(data, 7);
  h.abi_version = load_u8(data, 8);
  const auto type = load<uint16_t>(data, 16);
  h.machine = load<uint16_t>(data, 18);
  if (type < 1 || type > 3 || !known_os_abi(h.machine, h.os_abi)) return std::nullopt;
  h.flags = load<uint32_t>(data, 48);
  h.section_offset = load<uint64_t>(data, 40);
  h.section_count = load<uint16_t>(data, 60);
  const auto segment_count = load<uint16_t>(data, 56);
  if (load<uint16_t>(data, 52) != elf_header_bytes) return std::nullopt;
  if (segment_count != 0 && load<uint16_t>(data, 54) != segment_bytes) return std::nullopt;
  if (h.section_count != 0 && load<uint16_t>(data, 58) != section_bytes) return std::nullopt;
  const auto segments_end =
      segment_count == 0 ? 0
                         : add(load<uint64_t>(data, 32), uint64_t{segment_count} * segment_bytes);
  h.end =
      std::max<uint64_t>({elf_header_bytes, segments_end, h.section_count == 0 ? 0 : table_end(h)});
  return h;
}

kernel_info read_kernel_header(const elf_header& header) {
  return header.machine == machine_cuda ? read_cuda(header) : read_amd(header);
}

uint64_t bytes_needed(const elf_header& header, bytes image) {
  const uint64_t table = table_end(header);
  if (header.section_count == 0 || table > max_image_bytes) return 0;
  if (image.size() < table) return table;
  uint64_t needed = table;
  for_telling_sections(header, image, [&](const section& s) {
    if (s.end() <= max_image_bytes) needed = std::max(needed, s.end());
  });
  return needed;
}

std::optional<char> find_suffix(const elf_header& header, bytes image, uint32_t sm) {
  if (header.section_count == 0 || table_end(header) > image.size()) return std::nullopt;
  std::optional<bool> says_a;
  std::optional<char> built_with;
  for_telling_sections(header, image, [&](const section& s) {
    if (s.end() > image.size()) return;
    const auto data = image.subspan(s.offset, s.size);
    if (s.type == type_compat && !says_a) says_a = compat_says_a(data);
    if (s.type == type_note && !built_with) built_with = note_suffix(data, sm);
  });
  if (says_a == true) return 'a';
  if (says_a == false) return built_with == 'f' && sm >= first_sm_with_f ? 'f' : char{0};
  if (built_with == 'f' && sm < first_sm_with_f) return std::nullopt;
  return built_with;
}

}  // namespace gkm::gpus
