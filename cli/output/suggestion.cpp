#include "cli/output/suggestion.hpp"

#include <algorithm>
#include <vector>

namespace gkm::cli {
namespace {

constexpr size_t max_word_chars = 64;

/// Optimal string alignment: Levenshtein's distance, and two neighbours swapped count as one edit.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min(
          {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

}  // namespace

std::string closest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > max_word_chars) return {};
  std::string_view best;
  size_t edits = std::max<size_t>(word.size() / 3, 1) + 1;
  for (auto one : candidates)
    if (auto n = distance(word, one); n < edits) {
      edits = n;
      best = one;
    }
  return std::string(best);
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  auto best = closest(word, candidates);
  return best.empty() ? "" : "; did you mean '" + best + "'?";
}

}  // namespace gkm::cli
