/// Text from outside, made fit for an error message, a log line or a Kubernetes status.
#pragma once

#include <string>
#include <string_view>

namespace gkm {

/// At most `max_chars` characters of `text`; whatever is not printable ASCII becomes '?', what was
/// cut off becomes "...".
std::string printable(std::string_view text, size_t max_chars = 120);

}  // namespace gkm
