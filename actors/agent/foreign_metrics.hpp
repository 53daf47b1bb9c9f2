/// Metrics that another program left in a file, made safe to be served with our own.
#pragma once

#include <string>
#include <string_view>

namespace gkm::node {

/// The lines of `text` that are sound: samples, and what is said of them, whose names begin with
/// `prefix`, each once, in printable ASCII and of a sensible length. The others are left out.
/// Nothing is taken of more than `max_foreign_lines`.
std::string sound_metrics(std::string_view text, std::string_view prefix);

constexpr size_t max_foreign_bytes = 64 << 10;
constexpr size_t max_foreign_lines = 1'024;

}  // namespace gkm::node
