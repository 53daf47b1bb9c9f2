// A layer's compression: the same bytes come out however the stream is cut.
#include "oci/extract/decompress.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/registry/compress.hpp"

#include <array>

namespace gkm::fuzz {
namespace {

using namespace oci;

constexpr size_t pool_blocks = 4;
constexpr size_t block_bytes = 16 << 10;
constexpr size_t output_max = 1 << 20;  // then the sink has had enough

struct outcome {
  bool whole = false;
  std::string text;
};

outcome decode(std::string_view input, size_t piece) {
  outcome out;
  block_pool pool(pool_blocks, block_bytes);
  auto decoder = make_decoder(pool, [&](block b) -> result<void> {
    out.text.append(reinterpret_cast<const char*>(b.bytes.data()), b.bytes.size());
    if (out.text.size() > output_max) return fail(errc::limit_exceeded, "enough");
    return {};
  });
  for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
    auto copy = std::make_shared<std::string>(input.substr(0, piece));
    if (!decoder->push({copy, std::as_bytes(std::span(*copy))})) return out;
  }
  out.whole = decoder->finish().has_value();
  return out;
}

void decode_in_pieces(std::string_view input) {
  const auto at_once = decode(input, input.size());
  require(at_once.text.size() <= output_max + block_bytes + input.size(),
          "a decoder went on after its sink failed");
  for (size_t piece : {size_t{1}, size_t{13}}) {
    const auto cut = decode(input, piece);
    // In pieces, libzstd overlooks that an empty last block does not add up to the size that the
    // frame claims.
    require(cut.whole == at_once.whole || !input.starts_with("\x1f\x8b"),
            "the cut of a stream decides whether it is whole");
    require(!cut.whole || !at_once.whole || cut.text == at_once.text,
            "the cut of a stream decides what is in it");
  }
}

// A gzip stream whose checksum is wrong, and at which isa-l counts below zero what it has left.
constexpr std::string_view miscounted =
    "1f8b08001b970d6b0003ed965b0ac2301045b394aea0cd2499ceb74b294568555ae8030471efa682"
    "2009f8220f21393fc9df0c1cee70fbb15ca67e1987b26dda6e5f310f700d216e2f10f2e7f7010385"
    "421171a5ff1c804bce0af4b18cc93a2fcda4570931eb0fe90dff937eb4288c1f18e941bcfffc6e1e"
    "4d34ba2e660a";

std::string from_hex(std::string_view text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  return bytes;
}

std::string sample() {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "line " + std::to_string(i * i) + "\n";
  return text;
}

}  // namespace

std::vector<subject> subjects() {
  const auto text = sample();
  const auto gzip = tests::gzipped(text);
  const auto zstd = tests::zstd_compressed(text);
  const auto zeros = std::string(64 << 10, '\0');
  return {{"stream",
           decode_in_pieces,
           {gzip, zstd, gzip + gzip + std::string(40, '\0'), zstd + zstd, tests::gzipped(""),
            tests::gzipped(text, '1'), tests::zstd_compressed(""), tests::gzipped(zeros),
            tests::zstd_compressed(zeros), text.substr(0, 100), gzip.substr(0, gzip.size() / 2),
            zstd.substr(0, zstd.size() / 2), gzip + "x", from_hex(miscounted), zstd + gzip,
            std::string("\x50\x2a\x4d\x18\x03\x00\x00\x00"
                        "abc",
                        11) +
                zstd}}};
}

std::vector<std::string> tokens() {
  return {std::string("\x1f\x8b\x08\x00", 4),
          std::string("\x1f\x8b\x08\x1f", 4),
          "\x28\xb5\x2f\xfd",
          std::string("\x50\x2a\x4d\x18", 4),
          std::string(8, '\0'),
          "\xff\xff\xff\xff"};
}

}  // namespace gkm::fuzz
