/// The decoders behind `make_decoder`, one file each.
#pragma once

#include "oci/extract/decompress.hpp"

namespace gkm::oci {

/// A pool buffer being filled; goes to the sink when it is full or `flush` is called.
class output_block {
public:
  output_block(block_pool& pool, block_sink sink);

  /// The free rest, never empty. `errc::cancelled` if the pool was closed.
  result<std::span<std::byte>> room();
  /// `n` bytes of the room were filled.
  result<void> grow(size_t n);
  result<void> flush();

private:
  block_pool& pool_;
  block_sink sink_;
  std::shared_ptr<std::byte[]> buffer_;
  size_t used_ = 0;
};

std::unique_ptr<decoder> make_gzip_decoder(output_block out);
std::unique_ptr<decoder> make_zstd_decoder(output_block out);

}  // namespace gkm::oci
