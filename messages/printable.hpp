/// Text from outside, made fit for an error message, a log line or a Kubernetes status.
#pragma once

#include <string>
#include <string_view>

namespace gkm {

/// At most `max_chars` characters of `text`; whatever is not printable ASCII becomes '?', what was
/// cut off becomes "...".
std::string printable(std::string_view text, size_t max_chars = 120);

/// All of `text`, with '?' for each byte that is no part of a UTF-8 character: JSON takes no other.
std::string valid_utf8(std::string_view text);

}  // namespace gkm
