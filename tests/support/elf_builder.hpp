/// Makes small valid ELF64 images of GPU kernels, and wrong ones, for tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gkm::test {

struct elf_section {
  std::string name;
  uint32_t type = 1;
  std::string content;
};

/// Set the fields, then `build`. The defaults are those of a CUDA 12 cubin for sm_75.
struct elf_image {
  uint16_t machine = 190;
  uint8_t os_abi = 0x33;
  uint8_t abi_version = 7;
  uint16_t type = 2;
  uint32_t flags = 0x004b054b;
  std::vector<elf_section> sections;
  // To lie with.
  std::optional<uint64_t> section_offset;
  std::optional<uint16_t> section_count;

  /// Header, contents, section table (with .shstrtab), in this order.
  std::string build() const;
};

elf_image cubin_abi7(uint32_t sm, bool accelerated = false);
/// As CUDA 13 writes it; `accelerated` goes into .nv.compat, absent without a value.
elf_image cubin_abi8(uint32_t sm, std::optional<bool> accelerated = std::nullopt);
/// `abi_version` 1 to 4 are code objects V3 to V6.
elf_image hsaco(uint8_t mach, uint32_t feature_flags = 0, uint8_t abi_version = 3);

/// The section .note.nv.tkinfo of a kernel compiled with these options ("-arch sm_100f ").
elf_section tool_info(const std::string& options);
/// The section .note of an AMD kernel, with its target in it ("amdgcn-amd-amdhsa--gfx90a").
elf_section amd_metadata(const std::string& target);

}  // namespace gkm::test
