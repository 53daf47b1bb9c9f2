/// Base64 as HTTP and Docker's config.json use it (RFC 4648, with padding).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gkm::oci {

std::string to_base64(std::string_view bytes);
/// Nothing if `text` is not valid base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace gkm::oci
