/// Bytes on their way from one thread to the next: owned blocks, pulled by the consumer.
#pragma once

#include "messages/errors.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace gkm::base {

/// A block of bytes with one owner. Moved along a pipeline, never copied.
class chunk {
public:
  chunk() = default;
  explicit chunk(size_t capacity)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(capacity)), capacity_(capacity) {}

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  std::byte* data() { return bytes_.get(); }
  std::span<const std::byte> bytes() const { return {bytes_.get(), size_}; }
  /// The unused rest of the block; call `grow` with what was written there.
  std::span<std::byte> spare() { return {bytes_.get() + size_, capacity_ - size_}; }
  void grow(size_t n) { size_ += n; }
  void clear() { size_ = 0; }

private:
  std::unique_ptr<std::byte[]> bytes_;
  size_t capacity_ = 0;
  size_t size_ = 0;
};

/// A source of bytes for one consumer thread. `next` blocks until there are some.
class byte_stream {
public:
  virtual ~byte_stream() = default;
  /// The next block, an empty one at the end. After an error or the end it is not called again.
  virtual result<chunk> next() = 0;
};

}  // namespace gkm::base
