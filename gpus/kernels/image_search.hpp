/// Finds ELF images of GPU kernels inside any stream of bytes, however it is cut into blocks.
#pragma once

#include "gpus/kernels/image_capture.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <span>

namespace gkm::gpus {

/// Looks at every byte once. Images may lie side by side, overlap or nest; together they hold no
/// more than `max_image_bytes`, and beyond that an image is judged by its header.
class image_search {
public:
  using sink = std::function<void(const found_kernel&)>;

  explicit image_search(sink found) : found_(std::move(found)) {}

  void feed(std::span<const std::byte> bytes);
  /// The stream is over: reports what is still open.
  void finish();
  /// True if some image claimed to go on beyond the end of the stream. Valid after `finish`.
  bool truncated() const { return furthest_end_ > position_; }

private:
  struct open_image {
    uint64_t start = 0;
    image_capture capture;
  };

  void search_border(std::span<const std::byte> bytes);
  void search(std::span<const std::byte> bytes);
  void begin_image(uint64_t start, std::span<const std::byte> before,
                   std::span<const std::byte> bytes);
  void remember_tail(std::span<const std::byte> bytes);
  void report(const open_image& image);
  uint64_t held_bytes() const;

  sink found_;
  std::list<open_image> open_;
  std::array<std::byte, 3> tail_{};  // what a magic may have begun with
  size_t tail_size_ = 0;
  uint64_t position_ = 0;
  uint64_t furthest_end_ = 0;
};

}  // namespace gkm::gpus
