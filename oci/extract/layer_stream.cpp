#include "oci/extract/layer_stream.hpp"

#include "base/sha256.hpp"
#include "oci/extract/decompress.hpp"

#include <exception>
#include <string>

namespace gkm::oci {
namespace {

template <class F>
result<void> guarded(F&& run) {
  try {
    return run();
  } catch (const std::exception& e) {
    return fail(errc::internal, std::string("Failed to read a layer: ") + e.what());
  }
}

}  // namespace

layer_stream::layer_stream(source& from, layer_request what, std::stop_token stop)
    : from_(from),
      what_(std::move(what)),
      pool_(layer_blocks_max, layer_block_bytes),
      decoded_(layer_blocks_max),
      to_hash_(layer_blocks_max) {
  on_stop_.emplace(std::move(stop), [this] {
    halt_.request_stop();
    stop_decoding();
  });
  if (what_.diff_id) {
    hasher_ = std::jthread([this] {
      base::sha256 hash;
      while (auto b = to_hash_.pop()) hash.update(b->bytes);
      decoded_digest_ = hash.finish();
    });
  }
  try {
    fetcher_ = std::jthread([this] { fetch(halt_.get_token()); });
  } catch (...) {
    to_hash_.abandon();  // the hasher would wait for ever
    throw;
  }
}

layer_stream::~layer_stream() {
  on_stop_.reset();
  halt_.request_stop();
  stop_decoding();
}

block layer_stream::next() {
  auto b = decoded_.pop();
  return b ? std::move(*b) : block{};
}

void layer_stream::stop_decoding() {
  pool_.close();
  decoded_.abandon();
  to_hash_.abandon();
}

void layer_stream::fetch(std::stop_token stop) {
  fetched_ = guarded([&] { return transfer(std::move(stop)); });
  decoded_.close();
  to_hash_.close();
}

result<void> layer_stream::transfer(std::stop_token stop) {
  base::sha256 hash;
  auto decode = make_decoder(pool_, [this](block b) { return deliver(std::move(b)); });
  auto stream = from_.blob(what_.ref, what_.layer, std::move(stop));
  if (!stream) return fail(stream.error());
  for (;;) {
    auto next = (*stream)->next();
    if (!next) return fail(next.error());
    if (next->empty()) break;
    compressed_bytes_ += next->size();
    if (compressed_bytes_ > what_.layer.size_bytes) return check_compressed();
    hash.update(next->bytes());
    if (decoding_) {
      auto chunk = std::make_shared<base::chunk>(std::move(*next));
      auto bytes = chunk->bytes();
      decoding_ = decode->push({std::move(chunk), bytes});
      if (!decoding_) {
        decoded_.close();  // what came before can be read still
        to_hash_.close();
        if (decoding_.error().code == errc::limit_exceeded) return fail(decoding_.error());
      }
    }
    if (what_.report) what_.report(compressed_bytes_);
  }
  compressed_digest_ = hash.finish();
  if (decoding_) decoding_ = decode->finish();
  return {};
}

result<void> layer_stream::deliver(block b) {
  decoded_bytes_ += b.bytes.size();
  if (decoded_bytes_ > what_.max_decoded_bytes)
    return fail(errc::limit_exceeded, "the layer unpacks to more than " +
                                          std::to_string(what_.max_decoded_bytes) +
                                          " bytes, the limit");
  if (what_.diff_id) to_hash_.push(b);
  if (!decoded_.push(std::move(b))) return fail(errc::cancelled, "nobody reads the layer");
  return {};
}

result<void> layer_stream::verdict(bool complete) {
  if (!complete) stop_decoding();
  if (fetcher_.joinable()) fetcher_.join();
  if (hasher_.joinable()) hasher_.join();
  if (!fetched_) return fetched_;
  if (auto r = check_compressed(); !r) return r;
  if (!complete)
    return decoding_ || decoding_.error().code == errc::cancelled ? result<void>() : decoding_;
  return decoding_ ? check_decoded() : decoding_;
}

result<void> layer_stream::check_compressed() const {
  const auto& expected = what_.layer;
  if (compressed_bytes_ != expected.size_bytes)
    return fail(errc::corrupt,
                "the layer is corrupt: " +
                    std::string(compressed_bytes_ > expected.size_bytes ? "more than " : "") +
                    std::to_string(std::min(compressed_bytes_, expected.size_bytes)) +
                    " bytes came, the manifest says " + std::to_string(expected.size_bytes));
  if (compressed_digest_ != expected.content)
    return fail(errc::corrupt, "the layer is corrupt: its bytes have digest '" +
                                   compressed_digest_.str() + "', the manifest says '" +
                                   expected.content.str() + "'");
  return {};
}

result<void> layer_stream::check_decoded() const {
  if (what_.diff_id && decoded_digest_ != *what_.diff_id)
    return fail(errc::malformed, "the unpacked layer has digest '" + decoded_digest_.str() +
                                     "', the image config's diff_id says '" + what_.diff_id->str() +
                                     "'");
  return {};
}

}  // namespace gkm::oci
