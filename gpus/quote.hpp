/// Outside text inside our own messages: single quotes, printable, short.
#pragma once

#include <string>
#include <string_view>

namespace gkm::gpus {

/// The end of a long text is kept: of a path it is the part that tells most.
inline std::string in_quotes(std::string_view text) {
  constexpr size_t max_quoted_chars = 120;
  std::string out = "'";
  if (text.size() > max_quoted_chars) {
    out += "...";
    text.remove_prefix(text.size() - max_quoted_chars);
  }
  for (char c : text) {
    const auto u = static_cast<unsigned char>(c);
    out += u < 0x20 || u == 0x7f ? '?' : c;
  }
  return out + "'";
}

}  // namespace gkm::gpus
