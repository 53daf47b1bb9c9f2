/// One ELF image on its way past: collects as much of it as its target takes, and no more.
#pragma once

#include "gpus/kernels/elf_kernel.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace gkm::gpus {

/// What an image turned out to be.
struct found_kernel {
  kernel_info info;
  uint64_t end = 0;          ///< bytes from the image's start that it claims at least
  bool open_suffix = false;  ///< could be `a` or `f`, but nothing in it says
};

class image_capture {
public:
  /// `spare_bytes`: how much it may hold beyond the header.
  explicit image_capture(uint64_t spare_bytes = max_image_bytes) : spare_bytes_(spare_bytes) {}

  /// Feed the image's bytes from its first on, until `done`.
  void feed(std::span<const std::byte> bytes);
  /// No more bytes will come: what is there must do.
  void finish();

  bool done() const { return done_; }
  /// Nothing if it is no kernel at all. Valid once `done`.
  const std::optional<found_kernel>& kernel() const { return kernel_; }
  /// How many bytes it holds or may come to hold.
  uint64_t held_bytes() const { return done_ ? 0 : needed_; }

private:
  void take(std::span<const std::byte>& bytes);
  void read_header();
  void read_sections();

  uint64_t spare_bytes_ = 0;
  uint64_t needed_ = elf_header_bytes;
  std::vector<std::byte> bytes_;
  std::optional<elf_header> header_;
  std::optional<found_kernel> kernel_;
  bool done_ = false;
};

}  // namespace gkm::gpus
