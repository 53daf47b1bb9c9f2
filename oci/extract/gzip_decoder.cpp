#include "oci/extract/decoders.hpp"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <limits>
#include <string>

namespace gkm::oci {
namespace {

std::string_view cause(int code) {
  switch (code) {
    case ISAL_INCORRECT_CHECKSUM:
      return "its checksum or length does not match";
    case ISAL_INVALID_WRAPPER:
      return "a member does not begin with a gzip header";
    case ISAL_UNSUPPORTED_METHOD:
      return "it uses a method other than deflate";
    case ISAL_NEED_DICT:
      return "it needs a dictionary";
    default:
      return "the deflate data is invalid";
  }
}

class gzip_decoder : public decoder {
public:
  explicit gzip_decoder(output_block out)
      : out_(std::move(out)), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    begin_header();
  }

  result<void> push(block compressed) override {
    auto in = compressed.bytes;
    while (!in.empty()) {
      if (place_ == place::between_members) begin_member(in.front());
      auto r = step(in);
      if (!r) return r;
    }
    return {};
  }

  result<void> finish() override {
    if (place_ == place::header || place_ == place::data)
      return fail(errc::malformed, "Failed to decompress: the gzip stream ends too early");
    return out_.flush();
  }

private:
  enum class place { header, data, between_members, padding };

  result<void> step(std::span<const std::byte>& in) {
    if (place_ == place::padding) return skip_padding(in);
    // The library's interface lacks a const; it only reads.
    state_->next_in = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(in.data()));
    auto size = std::min<size_t>(in.size(), std::numeric_limits<uint32_t>::max());
    state_->avail_in = static_cast<uint32_t>(size);
    auto r = place_ == place::header ? read_header() : inflate();
    if (!r) return r;
    // At some damages the library counts below zero what it has left.
    if (state_->avail_in > size) return damaged(ISAL_INVALID_BLOCK);
    in = in.subspan(size - state_->avail_in);
    return {};
  }

  void begin_member(std::byte first) {
    if (first == std::byte{0}) {
      place_ = place::padding;
      return;
    }
    isal_inflate_reset(state_.get());
    begin_header();
  }

  // The library can do this on its own, but then it does not survive a header that comes in pieces.
  void begin_header() {
    isal_gzip_header_init(&header_);
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;  // CRC-32 and length are checked
    place_ = place::header;
  }

  result<void> read_header() {
    int code = isal_read_gzip_header(state_.get(), &header_);
    if (code == ISAL_END_INPUT) return {};
    if (code != ISAL_DECOMP_OK) return damaged(code);
    place_ = place::data;
    return {};
  }

  static tl::unexpected<error> damaged(int code) {
    return fail(errc::malformed,
                "Failed to decompress: the gzip stream is damaged, " + std::string(cause(code)));
  }

  // Tape-minded tools fill up the last record with zeros.
  static result<void> skip_padding(std::span<const std::byte>& in) {
    if (std::any_of(in.begin(), in.end(), [](std::byte b) { return b != std::byte{0}; }))
      return fail(errc::malformed, "Failed to decompress: other bytes follow the gzip stream");
    in = {};
    return {};
  }

  /// Until the input is used up or the member ends.
  result<void> inflate() {
    for (;;) {
      auto room = out_.room();
      if (!room) return fail(room.error());
      state_->next_out = reinterpret_cast<uint8_t*>(room->data());
      state_->avail_out = static_cast<uint32_t>(room->size());
      int code = isal_inflate(state_.get());
      if (code < 0 || code == ISAL_NEED_DICT) return damaged(code);
      bool full = state_->avail_out == 0;
      if (auto r = out_.grow(room->size() - state_->avail_out); !r) return r;
      if (state_->block_state == ISAL_BLOCK_FINISH) {
        place_ = place::between_members;
        return {};
      }
      if (state_->avail_in == 0 && !full) return {};
    }
  }

  output_block out_;
  std::unique_ptr<inflate_state> state_;
  isal_gzip_header header_{};
  place place_ = place::header;
};

}  // namespace

std::unique_ptr<decoder> make_gzip_decoder(output_block out) {
  return std::make_unique<gzip_decoder>(std::move(out));
}

}  // namespace gkm::oci
