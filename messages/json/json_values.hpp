/// How many values a JSON text can hold, told without reading it: what a parsed document costs is
/// bounded before there is one.
#pragma once

#include <cstddef>
#include <string_view>

namespace gkm::json {

/// Of one value of a parsed document; three times that while it is read.
inline constexpr size_t value_bytes = 16;

/// No fewer than there are, member names among them; exact for valid texts without empty lists.
size_t count_values(std::string_view text);

}  // namespace gkm::json
