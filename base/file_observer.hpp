/// Who looks at a cache's files while they are being extracted, so that no second pass is needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace gkm::base {

/// Called from one thread, in the order of the archive: begin, data*, end for each regular file.
class file_observer {
public:
  virtual ~file_observer() = default;
  /// `path` is relative to the cache's content directory, '/'-separated, normalised.
  virtual void begin(std::string_view path, uint64_t size_bytes) = 0;
  virtual void data(std::span<const std::byte> bytes) = 0;
  virtual void end() = 0;
};

}  // namespace gkm::base
