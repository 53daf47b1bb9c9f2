/// Decoded bytes, shared by the threads that hash and unpack them, in buffers that are used again.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace gkm::oci {

/// Some bytes and what keeps them alive. Copies share them; nobody changes them.
struct block {
  std::shared_ptr<const void> keep;
  std::span<const std::byte> bytes;
};

/// A fixed number of equal buffers: the bound on what a layer holds in memory. A buffer comes back
/// when the last block that uses it is gone, also after the pool itself.
class block_pool {
public:
  block_pool(size_t count, size_t bytes_each);

  size_t bytes_each() const;
  /// Waits for a free buffer. Null once the pool is closed.
  std::shared_ptr<std::byte[]> acquire();
  /// Nobody needs another buffer: whoever waits goes on without.
  void close();

private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace gkm::oci
