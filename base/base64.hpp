/// Base64 as HTTP and Docker and Kubernetes configuration use it (RFC 4648, with padding).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gkm::base {

std::string to_base64(std::string_view bytes);
/// Nothing if `text` is not valid base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace gkm::base
