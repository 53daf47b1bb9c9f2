/// One layer on its way from the source: a thread fetches, hashes and decodes it, another hashes
/// what was decoded, the caller reads the decoded blocks. Bounded by constants whatever the layer's
/// size; both threads are gone when the object is.
#pragma once

#include "oci/extract/block_pool.hpp"
#include "oci/extract/bounded_queue.hpp"
#include "oci/source.hpp"

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

namespace gkm::oci {

/// Decoded bytes under way: 4 MiB. The blocks fit a core's second-level cache, and there are enough
/// of them to bridge a file being created. Of an uncompressed layer, which is not copied into the
/// pool, so many of the source's chunks are held instead.
constexpr size_t layer_block_bytes = 256 << 10;
constexpr size_t layer_blocks_max = 16;

struct layer_request {
  image_ref ref;
  descriptor layer;
  std::optional<digest> diff_id;  ///< nothing: the config has none, nobody hashes what was decoded
  uint64_t max_decoded_bytes = 0;
  /// Called from the fetching thread with the layer's compressed bytes so far.
  std::function<void(uint64_t)> report;
};

class layer_stream {
public:
  layer_stream(source& from, layer_request what, std::stop_token stop);
  /// Stops what still runs, and waits for it.
  ~layer_stream();
  layer_stream(const layer_stream&) = delete;
  layer_stream& operator=(const layer_stream&) = delete;

  /// The next decoded block; an empty one at the end, also if that came early: `verdict` knows.
  block next();

  /// Waits for the end and judges the layer. Blocks not read are not decoded any more, but the
  /// fetched bytes are still hashed: a damaged layer is called `errc::corrupt`, whatever its damage
  /// looked like on the way. First the source's own error and the limit, then digest and length,
  /// then the decoder's error. The diff_id is judged only if everything was read and `complete` is
  /// true.
  result<void> verdict(bool complete);

private:
  void fetch(std::stop_token stop);
  result<void> transfer(std::stop_token stop);
  result<void> deliver(block b);
  void stop_decoding();
  result<void> check_compressed() const;
  result<void> check_decoded() const;

  source& from_;
  layer_request what_;
  block_pool pool_;
  bounded_queue<block> decoded_;
  bounded_queue<block> to_hash_;
  uint64_t decoded_bytes_ = 0;

  // Written by one thread each, read after it has ended.
  result<void> fetched_;
  result<void> decoding_;
  uint64_t compressed_bytes_ = 0;
  digest compressed_digest_;
  digest decoded_digest_;

  std::stop_source halt_;
  std::jthread fetcher_;
  std::jthread hasher_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace gkm::oci
