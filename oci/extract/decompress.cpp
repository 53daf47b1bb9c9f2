#include "oci/extract/decompress.hpp"

#include "oci/extract/decoders.hpp"

#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace gkm::oci {
namespace {

using namespace std::string_view_literals;

// The longest magic number that is looked for (xz).
constexpr size_t magic_bytes = 6;

class plain_decoder : public decoder {
public:
  explicit plain_decoder(block_sink sink) : sink_(std::move(sink)) {}
  result<void> push(block b) override { return sink_(std::move(b)); }
  result<void> finish() override { return {}; }

private:
  block_sink sink_;
};

bool is_zstd(std::string_view head) {
  if (head.size() < 4) return false;
  // A skippable frame may come first: 0x184D2A50 to 0x184D2A5F, little endian.
  return head.substr(0, 4) == "\x28\xb5\x2f\xfd"sv ||
         ((static_cast<unsigned char>(head[0]) & 0xf0) == 0x50 &&
          head.substr(1, 3) == "\x2a\x4d\x18"sv);
}

// What other tools know and we do not, so that the text can say so.
std::string_view unknown_compression(std::string_view head) {
  if (head.starts_with("BZh"sv)) return "bzip2";
  if (head.starts_with("\xfd\x37zXZ\0"sv)) return "xz";
  if (head.starts_with("\x04\x22\x4d\x18"sv)) return "lz4";
  return {};
}

/// Waits for the first bytes, then hands everything to the decoder that they ask for.
class sniffing_decoder : public decoder {
public:
  sniffing_decoder(block_pool& pool, block_sink sink) : pool_(pool), sink_(std::move(sink)) {}

  result<void> push(block b) override {
    if (inner_) return inner_->push(std::move(b));
    if (head_.empty() && b.bytes.size() >= magic_bytes) {
      if (auto r = choose(as_text(b.bytes)); !r) return r;
      return inner_->push(std::move(b));
    }
    head_ += as_text(b.bytes);
    return head_.size() < magic_bytes ? result<void>() : start_with_head();
  }

  result<void> finish() override {
    if (!inner_)
      if (auto r = start_with_head(); !r) return r;
    return inner_->finish();
  }

private:
  static std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  result<void> choose(std::string_view head) {
    if (head.starts_with("\x1f\x8b"sv)) {
      inner_ = make_gzip_decoder(output_block(pool_, sink_));
    } else if (is_zstd(head)) {
      inner_ = make_zstd_decoder(output_block(pool_, sink_));
    } else if (auto name = unknown_compression(head); !name.empty()) {
      return fail(errc::malformed, "the layer is compressed with " + std::string(name) +
                                       ", which is not supported: use gzip, zstd or none");
    } else {
      inner_ = std::make_unique<plain_decoder>(sink_);
    }
    return {};
  }

  result<void> start_with_head() {
    if (auto r = choose(head_); !r) return r;
    if (head_.empty()) return {};
    auto owned = std::make_shared<std::string>(std::move(head_));
    return inner_->push({owned, std::as_bytes(std::span(owned->data(), owned->size()))});
  }

  block_pool& pool_;
  block_sink sink_;
  std::string head_;
  std::unique_ptr<decoder> inner_;
};

}  // namespace

output_block::output_block(block_pool& pool, block_sink sink)
    : pool_(pool), sink_(std::move(sink)) {}

result<std::span<std::byte>> output_block::room() {
  if (!buffer_) {
    buffer_ = pool_.acquire();
    used_ = 0;
    if (!buffer_) return fail(errc::cancelled, "nobody wants the decoded bytes");
  }
  return std::span(buffer_.get() + used_, pool_.bytes_each() - used_);
}

result<void> output_block::grow(size_t n) {
  used_ += n;
  return used_ == pool_.bytes_each() ? flush() : result<void>();
}

result<void> output_block::flush() {
  if (!buffer_ || used_ == 0) return {};
  std::span<const std::byte> bytes(buffer_.get(), used_);
  return sink_({std::move(buffer_), bytes});
}

std::unique_ptr<decoder> make_decoder(block_pool& pool, block_sink sink) {
  return std::make_unique<sniffing_decoder>(pool, std::move(sink));
}

}  // namespace gkm::oci
