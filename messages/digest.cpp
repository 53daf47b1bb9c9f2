#include "messages/digest.hpp"

#include "messages/printable.hpp"

#include <algorithm>

namespace gkm {

result<digest> digest::parse(std::string_view text) {
  constexpr std::string_view prefix = "sha256:";
  constexpr size_t hex_chars = 64;
  if (!text.starts_with(prefix))
    return fail(errc::invalid_argument,
                "digest '" + printable(text, 80) + "' does not start with 'sha256:'");
  auto hex = text.substr(prefix.size());
  auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (hex.size() != hex_chars || !std::all_of(hex.begin(), hex.end(), is_hex))
    return fail(errc::invalid_argument, "digest '" + printable(text, 80) +
                                            "' is not 'sha256:' and 64 lower-case hex digits");
  return digest{std::string(hex)};
}

}  // namespace gkm
