#include "messages/printable.hpp"

#include <algorithm>

namespace gkm {

std::string printable(std::string_view text, size_t max_chars) {
  std::string out(text.substr(0, max_chars));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  if (text.size() > max_chars) out += "...";
  return out;
}

}  // namespace gkm
