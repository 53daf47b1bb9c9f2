/// Compressed bytes in, decoded blocks out. Which compression it is, is read from the first bytes;
/// media types are not believed.
#pragma once

#include "messages/errors.hpp"
#include "oci/extract/block_pool.hpp"

#include <functional>
#include <memory>

namespace gkm::oci {

/// Takes a decoded block. An error ends the decoding and comes out of `push` or `finish`.
using block_sink = std::function<result<void>(block)>;

/// Used by one thread. Errors: `errc::malformed` for bytes that are not what they began as,
/// `errc::limit_exceeded` for a zstd window beyond `max_zstd_window_log`, `errc::cancelled` if the
/// pool was closed, and whatever the sink says. After an error it is not called again.
class decoder {
public:
  virtual ~decoder() = default;
  /// The next compressed bytes, of any size.
  virtual result<void> push(block compressed) = 0;
  /// There are no more: what is held goes to the sink; `errc::malformed` if the stream is not
  /// complete.
  virtual result<void> finish() = 0;
};

/// A zstd frame may ask for this much memory: 16 MiB, twice what every decoder must allow for.
constexpr int max_zstd_window_log = 24;

/// gzip (several members, zero padding after the last), zstd (several frames), or else the bytes as
/// they are, not copied. The pool must outlive the decoder.
std::unique_ptr<decoder> make_decoder(block_pool& pool, block_sink sink);

}  // namespace gkm::oci
