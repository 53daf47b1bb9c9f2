/// Inputs made of other inputs, the same ones for the same seed: bytes are changed, and so is what
/// texts are built of (words, brackets, elements between separators, numbers).
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace gkm::fuzz {

class mutator {
public:
  /// Both lists must outlive it.
  mutator(uint64_t seed, const std::vector<std::string>& tokens,
          const std::vector<std::string>& pool)
      : random_(seed), tokens_(tokens), pool_(pool) {}

  /// One of the pool, changed a few times, at most `max_bytes` long. The letter in front stays,
  /// mostly.
  std::string make(size_t max_bytes);
  /// One change of an input.
  void change(std::string& input);

private:
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }
  void change_bytes(std::string& text);
  void change_number(std::string& text);
  void change_parts(std::string& text);

  std::mt19937_64 random_;
  const std::vector<std::string>& tokens_;
  const std::vector<std::string>& pool_;
};

}  // namespace gkm::fuzz
