#include "tests/support/elf_builder.hpp"

#include <cstring>

namespace gkm::test {
namespace {

template <class T>
void put(std::string& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof value);
}

void pad(std::string& out, size_t to) {
  while (out.size() % to != 0) out.push_back('\0');
}

void put_section(std::string& out, uint32_t name, uint32_t type, uint64_t offset, uint64_t size) {
  put<uint32_t>(out, name);
  put<uint32_t>(out, type);
  put<uint64_t>(out, 0);  // flags
  put<uint64_t>(out, 0);  // address
  put<uint64_t>(out, offset);
  put<uint64_t>(out, size);
  put<uint32_t>(out, 0);  // link
  put<uint32_t>(out, 0);  // info
  put<uint64_t>(out, 4);  // alignment
  put<uint64_t>(out, 0);  // entry size
}

std::string note(const std::string& owner, uint32_t type, const std::string& text) {
  std::string out;
  put<uint32_t>(out, static_cast<uint32_t>(owner.size() + 1));
  put<uint32_t>(out, static_cast<uint32_t>(text.size()));
  put<uint32_t>(out, type);
  out += owner + '\0';
  pad(out, 4);
  out += text;
  pad(out, 4);
  return out;
}

}  // namespace

std::string elf_image::build() const {
  constexpr uint16_t header_bytes = 64;
  std::string names(1, '\0');
  std::string contents;
  std::string table;
  put_section(table, 0, 0, 0, 0);
  auto add = [&](const std::string& name, uint32_t section_type, const std::string& content) {
    put_section(table, static_cast<uint32_t>(names.size()), section_type,
                header_bytes + contents.size(), content.size());
    names += name + '\0';
    contents += content;
    pad(contents, 8);
  };
  for (const auto& s : sections) add(s.name, s.type, s.content);
  const std::string own = ".shstrtab";
  add(own, 3, names + own + '\0');
  const auto count = static_cast<uint16_t>(sections.size() + 2);

  std::string out{
      "\x7f"
      "ELF\x02\x01\x01",
      7};
  put(out, os_abi);
  put(out, abi_version);
  out.append(7, '\0');
  put(out, type);
  put(out, machine);
  put<uint32_t>(out, 1);  // version
  put<uint64_t>(out, 0);  // entry
  put<uint64_t>(out, 0);  // program headers
  put<uint64_t>(out, section_offset.value_or(header_bytes + contents.size()));
  put(out, flags);
  put<uint16_t>(out, header_bytes);
  put<uint16_t>(out, 0);  // size of a program header
  put<uint16_t>(out, 0);  // program headers
  put<uint16_t>(out, 64);
  put<uint16_t>(out, section_count.value_or(count));
  put<uint16_t>(out, static_cast<uint16_t>(count - 1));
  return out + contents + table;
}

elf_image cubin_abi7(uint32_t sm, bool accelerated) {
  elf_image out;
  out.flags = sm << 16 | 0x500 | (accelerated ? 0x800 : 0) | sm;
  out.sections = {{".text.kernel", 1, std::string(96, '\x18')}};
  return out;
}

elf_image cubin_abi8(uint32_t sm, std::optional<bool> accelerated) {
  elf_image out;
  out.os_abi = 0x41;
  out.abi_version = 8;
  out.flags = 0x06000002 | sm << 8;
  out.sections = {{".text.kernel", 1, std::string(96, '\x18')}};
  if (accelerated) {
    // Another attribute before, and one with a payload that looks like what is sought.
    std::string compat{"\x02\x02\x01\x00\x04\x0b\x08\x00\x02\x09\x01\x00\x02\x09\x01\x00", 16};
    compat += std::string{"\x02\x09", 2} + (*accelerated ? '\1' : '\0') + '\0';
    out.sections.push_back({".nv.compat", 0x70000086, compat});
  }
  return out;
}

elf_image hsaco(uint8_t mach, uint32_t feature_flags, uint8_t abi_version) {
  elf_image out;
  out.machine = 224;
  out.os_abi = 0x40;
  out.abi_version = abi_version;
  out.type = 3;
  out.flags = mach | feature_flags;
  out.sections = {{".text", 1, std::string(64, '\xbf')}};
  return out;
}

elf_section tool_info(const std::string& options) {
  const std::string text =
      std::string("\0ptxas\0", 7) + std::string("Cuda compilation tools\0", 23) + options;
  return {".note.nv.tkinfo", 7, note("NVIDIA Corp", 2000, text + std::string(1, '\0'))};
}

elf_section amd_metadata(const std::string& target) {
  // A map of one entry in MessagePack.
  std::string map{
      "\x81\xad"
      "amdhsa.target",
      15};
  map += '\xd9';
  map += static_cast<char>(target.size());
  return {".note", 7, note("AMDGPU", 32, map + target)};
}

}  // namespace gkm::test
