/// Compressed bytes for tests.
#pragma once

#include <string>
#include <string_view>

namespace gkm::tests {

/// `level` 1 to 9.
std::string gzipped(std::string_view bytes, char level = '6');
std::string zstd_compressed(std::string_view bytes);

}  // namespace gkm::tests
