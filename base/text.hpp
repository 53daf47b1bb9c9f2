/// Small conversions of ASCII text that mean the same in every locale.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gkm::base {

/// A to Z become small letters; all else stays.
std::string to_lower(std::string_view text);

/// Without the blanks and line ends before and behind it.
std::string_view trimmed(std::string_view text);

/// Two lower-case hexadecimal digits a byte.
std::string to_hex(std::span<const unsigned char> bytes);

}  // namespace gkm::base
