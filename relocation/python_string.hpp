/// One string literal of Python source.
#pragma once

#include "messages/errors.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gkm::relocation {

struct python_string {
  size_t quote = 0;  ///< where the opening quote stands, after the prefix
  size_t end = 0;    ///< one past the closing quote
  bool is_raw = false;
  bool is_bytes = false;
  std::optional<std::string> text;  ///< UTF-8; nothing if it spells no Unicode text
};

/// Whether a string literal, with or without a prefix, begins at `at`.
bool begins_python_string(std::string_view source, size_t at);

/// Reads the literal that begins at `at`: both quotes, triple quotes, escapes, the prefixes r, u, b
/// and br. Formatted strings are no literals. Errors are errc::malformed and say what, after "x is
/// ".
result<python_string> read_python_string(std::string_view source, size_t at);

}  // namespace gkm::relocation
