/// "did you mean" for a word that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gkm::cli {

/// The candidate that is the fewest edits away (letters added, left out, changed or swapped), if
/// that is at most a third of the word's length; else empty.
std::string closest(std::string_view word, std::span<const std::string_view> candidates);

/// "; did you mean 'X'?", or nothing.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace gkm::cli
