#include "oci/extract/decoders.hpp"

#include <zstd.h>
#include <zstd_errors.h>

#include <new>
#include <string>

namespace gkm::oci {
namespace {

struct context_free {
  void operator()(ZSTD_DCtx* c) const { ZSTD_freeDCtx(c); }
};

tl::unexpected<error> decode_error(size_t code) {
  if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
    return fail(errc::limit_exceeded,
                "Failed to decompress: a zstd frame needs a window of more than " +
                    std::to_string((1 << max_zstd_window_log) >> 20) +
                    " MiB, the limit: compress with level 19 or lower and without --long");
  return fail(errc::malformed, "Failed to decompress: the zstd stream is damaged, " +
                                   std::string(ZSTD_getErrorName(code)));
}

class zstd_decoder : public decoder {
public:
  explicit zstd_decoder(output_block out) : out_(std::move(out)), context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, max_zstd_window_log);
  }

  result<void> push(block compressed) override {
    ZSTD_inBuffer in{compressed.bytes.data(), compressed.bytes.size(), 0};
    for (bool full = false; in.pos < in.size || full;) {
      auto room = out_.room();
      if (!room) return fail(room.error());
      ZSTD_outBuffer out{room->data(), room->size(), 0};
      pending_ = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(pending_)) return decode_error(pending_);
      // At the end of a frame nothing can be held back, even if the room was filled exactly.
      full = out.pos == out.size && pending_ != 0;
      if (auto r = out_.grow(out.pos); !r) return r;
    }
    return {};
  }

  result<void> finish() override {
    if (pending_ != 0)
      return fail(errc::malformed, "Failed to decompress: the zstd stream ends too early");
    return out_.flush();
  }

private:
  output_block out_;
  std::unique_ptr<ZSTD_DCtx, context_free> context_;
  size_t pending_ = 1;  // 0: between frames
};

}  // namespace

std::unique_ptr<decoder> make_zstd_decoder(output_block out) {
  return std::make_unique<zstd_decoder>(std::move(out));
}

}  // namespace gkm::oci
