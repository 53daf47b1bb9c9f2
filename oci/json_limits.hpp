/// What the documents of an image may be made of.
#pragma once

#include <cstddef>

namespace gkm::oci::json {

/// Values of one document, names and commas in texts counted as well. An index of the most entries
/// that are read has some ten thousand.
constexpr size_t max_json_values = 100'000;

}  // namespace gkm::oci::json
