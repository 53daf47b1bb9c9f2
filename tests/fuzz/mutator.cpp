#include "tests/fuzz/mutator.hpp"

#include <algorithm>
#include <array>

namespace gkm::fuzz {
namespace {

constexpr std::string_view separators = "{}[](),:;/\"'\n\t =&?@.";
constexpr std::array<std::string_view, 10> numbers{"0",
                                                   "-1",
                                                   "1",
                                                   "255",
                                                   "65536",
                                                   "2147483648",
                                                   "4294967295",
                                                   "9223372036854775808",
                                                   "18446744073709551616",
                                                   "1e400"};
constexpr std::array<unsigned char, 8> odd_bytes{0x00, 0x7f, 0x80, 0xff, 0xc0, 0xed, '\\', '%'};
constexpr size_t max_changes = 6;
constexpr size_t max_piece_bytes = 24;

}  // namespace

std::string mutator::make(size_t max_bytes) {
  std::string input = pool_.empty() ? "a" : pool_[below(pool_.size())];
  const auto letter = input.empty() ? 'a' : input.front();
  for (auto n = 1 + below(max_changes); n > 0; --n) change(input);
  if (input.empty() || below(16) != 0) input.insert(0, 1, letter);
  if (input.size() > max_bytes) input.resize(max_bytes);
  return input;
}

void mutator::change(std::string& input) {
  switch (below(4)) {
    case 0:
      return change_bytes(input);
    case 1:
      return change_number(input);
    case 2: {
      if (tokens_.empty()) return change_bytes(input);
      const auto& token = tokens_[below(tokens_.size())];
      auto at = below(input.size() + 1);
      if (below(2) == 0) return void(input.insert(at, token));
      return void(input.replace(at, token.size(), token));
    }
    default:
      return change_parts(input);
  }
}

void mutator::change_bytes(std::string& text) {
  const auto at = below(text.size() + 1);
  const auto n = below(std::min(text.size() - at, max_piece_bytes) + 1);
  switch (below(6)) {
    case 0:
      return void(text.erase(at, n));
    case 1:
      return text.resize(at);
    case 2:
      return void(text.insert(at, text.substr(below(text.size() + 1), max_piece_bytes)));
    case 3:
      return void(text.insert(at, 1, static_cast<char>(odd_bytes[below(odd_bytes.size())])));
    case 4:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
      return;
    default:
      if (at < text.size()) text[at] = static_cast<char>(below(256));
  }
}

void mutator::change_number(std::string& text) {
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  auto from = std::find_if(text.begin() + static_cast<ptrdiff_t>(below(text.size() + 1)),
                           text.end(), is_digit);
  auto to = std::find_if_not(from, text.end(), is_digit);
  const auto number = numbers[below(numbers.size())];
  text.replace(from, to, number.begin(), number.end());
}

// A part is what stands between two separators; it is dropped, doubled, or brought here from
// another input.
void mutator::change_parts(std::string& text) {
  const auto& from = pool_.empty() || below(2) == 0 ? text : pool_[below(pool_.size())];
  auto part_of = [&](const std::string& whole) {
    auto begin = whole.find_first_of(separators, below(whole.size() + 1));
    if (begin == whole.npos) begin = 0;
    auto end = begin;
    for (auto n = 1 + below(4); n > 0 && end != whole.npos; --n)
      end = whole.find_first_of(separators, end + 1);
    return std::pair{begin, std::min(end, whole.size()) - begin};
  };
  const auto [begin, size] = part_of(from);
  const auto part = from.substr(begin, size);
  const auto [at, room] = part_of(text);
  switch (below(4)) {
    case 0:
      return void(text.erase(at, room));
    case 1:
      return void(text.replace(at, room, part));
    case 2:
      for (auto n = 1 + below(8); n > 0; --n) text.insert(at, part);
      return;
    default:
      return void(text.insert(at, part));
  }
}

}  // namespace gkm::fuzz
