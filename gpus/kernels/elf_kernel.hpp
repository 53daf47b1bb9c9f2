/// What an ELF image of a GPU kernel says about the GPU it was built for. Pure functions on bytes
/// that may be cut short, lie about their sizes, or be no ELF at all.
///
/// The layout of `e_flags` depends on EI_ABIVERSION. Measured on cubins of CUDA 12.9 and 13.5:
///   ABI 7 (12.9 up to sm_90a): SM in bits 0-7, `a` = 0x800.
///   ABI 8 (12.9 from sm_100 on, 13 always): SM in bits 8-15; `a` is bit 0x8 in 12.9, and attribute
///   0x09 of section .nv.compat in 13; `f` stands only in the note .note.nv.tkinfo ("-arch
///   sm_100f").
/// AMD code objects V3 to V6 have ABI 1 to 4 (LLVM's AMDGPUUsage, "ELF Header").
#pragma once

#include "messages/target.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace gkm::gpus {

inline constexpr size_t elf_header_bytes = 64;
/// An image whose sections end beyond this is judged by its header alone.
inline constexpr uint64_t max_image_bytes = 4 << 20;

/// The fields of an ELF64 header that matter here.
struct elf_header {
  uint8_t os_abi = 0;
  uint8_t abi_version = 0;
  uint16_t machine = 0;
  uint32_t flags = 0;
  uint64_t section_offset = 0;
  uint16_t section_count = 0;
  uint64_t end = 0;  ///< where the file ends at the earliest, by its own tables; saturates
};

/// Nothing unless these bytes begin with the header of an AMD or NVIDIA kernel: strict enough that
/// other data which happens to hold the magic does not pass.
std::optional<elf_header> parse_kernel_header(std::span<const std::byte> bytes);

/// What the header tells. `built_for.arch` is empty if `problem` is not.
struct kernel_info {
  target built_for;
  bool needs_sections = false;  ///< the header leaves open whether it is `a`, `f` or neither
  std::string problem;          ///< "unknown architecture 0x7f (AMD)"
};
kernel_info read_kernel_header(const elf_header& header);

/// How many bytes of the image `find_suffix` needs, given these first ones. Grows at most once
/// after the section table is in; never more than `max_image_bytes` (0: its sections cannot be
/// had).
uint64_t bytes_needed(const elf_header& header, std::span<const std::byte> image);

/// 'a' or 'f', 0 for neither, nothing if the image does not tell.
std::optional<char> find_suffix(const elf_header& header, std::span<const std::byte> image,
                                uint32_t sm);

}  // namespace gkm::gpus
