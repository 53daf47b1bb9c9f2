/// What an API server does with the patches that we send it, on texts. `document` and `patch` are
/// valid JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gkm::fuzz {

/// RFC 7386.
std::string apply_merge_patch(std::string_view document, std::string_view patch);
/// RFC 6902, the operations that we use; nothing if one cannot be applied.
std::optional<std::string> apply_json_patch(std::string_view document, std::string_view patch);
/// The same value, whatever the order of members and of white space.
bool is_same_json(std::string_view a, std::string_view b);

}  // namespace gkm::fuzz
