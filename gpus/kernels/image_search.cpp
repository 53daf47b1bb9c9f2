#include "gpus/kernels/image_search.hpp"

#include <algorithm>
#include <cstring>

namespace gkm::gpus {
namespace {

constexpr size_t magic_bytes = 4;
constexpr char magic[magic_bytes + 1] =
    "\x7f"
    "ELF";

// Enough of a header to turn down nearly everything else that holds the magic.
constexpr size_t glance_bytes = 20;

bool worth_a_capture(std::span<const std::byte> at) {
  if (at.size() < glance_bytes) return true;
  constexpr unsigned char head[] = {2, 1, 1};
  const auto machine = std::to_integer<unsigned>(at[18]) | std::to_integer<unsigned>(at[19]) << 8;
  return std::memcmp(at.data() + magic_bytes, head, sizeof head) == 0 &&
         (machine == 190 || machine == 224);
}

bool is_magic(const std::byte* at) { return std::memcmp(at, magic, magic_bytes) == 0; }

// memchr runs at memory speed where the first byte is rare; memmem has one steady speed, also where
// that byte is everywhere.
const std::byte* next_magic(const std::byte* at, const std::byte* end) {
  constexpr std::ptrdiff_t bytes_a_miss_may_cost = 32;
  std::ptrdiff_t credit = 8 * bytes_a_miss_may_cost;
  while (end - at >= static_cast<std::ptrdiff_t>(magic_bytes) && credit > 0) {
    const auto left = static_cast<size_t>(end - at) - (magic_bytes - 1);
    const auto* hit = static_cast<const std::byte*>(std::memchr(at, magic[0], left));
    if (!hit || is_magic(hit)) return hit;
    credit += hit - at - bytes_a_miss_may_cost;
    at = hit + 1;
  }
  const auto left = static_cast<size_t>(end - at);
  return left == 0 ? nullptr
                   : static_cast<const std::byte*>(::memmem(at, left, magic, magic_bytes));
}

}  // namespace

void image_search::feed(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  for (auto it = open_.begin(); it != open_.end();) {
    it->capture.feed(bytes);
    auto here = it++;
    if (here->capture.done()) report(*here), open_.erase(here);
  }
  search_border(bytes);
  search(bytes);
  remember_tail(bytes);
  position_ += bytes.size();
}

void image_search::finish() {
  for (auto& image : open_) {
    image.capture.finish();
    report(image);
  }
  open_.clear();
}

// A magic that began in the last block and ends in this one.
void image_search::search_border(std::span<const std::byte> bytes) {
  std::array<std::byte, 2 * (magic_bytes - 1)> border{};
  const size_t head = std::min(bytes.size(), magic_bytes - 1);
  std::copy_n(tail_.begin(), tail_size_, border.begin());
  std::copy_n(bytes.begin(), head, border.begin() + static_cast<std::ptrdiff_t>(tail_size_));
  for (size_t at = 0; at < tail_size_ && at + magic_bytes <= tail_size_ + head; ++at)
    if (is_magic(border.data() + at))
      begin_image(position_ - (tail_size_ - at), std::span(tail_).subspan(at, tail_size_ - at),
                  bytes);
}

void image_search::search(std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  const std::byte* end = at + bytes.size();
  while ((at = next_magic(at, end)) != nullptr) {
    const std::span here(at, end);
    if (worth_a_capture(here))
      begin_image(position_ + static_cast<uint64_t>(at - bytes.data()), {}, here);
    ++at;
  }
}

void image_search::begin_image(uint64_t start, std::span<const std::byte> before,
                               std::span<const std::byte> bytes) {
  const auto held = std::min(held_bytes(), max_image_bytes);
  open_image image{start, image_capture(max_image_bytes - held)};
  image.capture.feed(before);
  image.capture.feed(bytes);
  if (image.capture.done())
    report(image);
  else
    open_.push_back(std::move(image));
}

void image_search::remember_tail(std::span<const std::byte> bytes) {
  std::array<std::byte, 2 * (magic_bytes - 1)> joined{};
  const auto last = bytes.last(std::min(bytes.size(), tail_.size()));
  std::copy_n(tail_.begin(), tail_size_, joined.begin());
  std::copy(last.begin(), last.end(), joined.begin() + static_cast<std::ptrdiff_t>(tail_size_));
  const size_t total = tail_size_ + last.size();
  tail_size_ = std::min(total, tail_.size());
  std::copy_n(joined.begin() + static_cast<std::ptrdiff_t>(total - tail_size_), tail_size_,
              tail_.begin());
}

void image_search::report(const open_image& image) {
  const auto& kernel = image.capture.kernel();
  if (!kernel) return;
  const auto end = image.start + kernel->end;
  furthest_end_ = std::max(furthest_end_, end < image.start ? UINT64_MAX : end);
  found_(*kernel);
}

uint64_t image_search::held_bytes() const {
  uint64_t sum = 0;
  for (const auto& image : open_) sum += image.capture.held_bytes();
  return sum;
}

}  // namespace gkm::gpus
