/// Layers to a directory, as a stream: network → digest → decompress → tar → disk, each stage on
/// its own thread, in bounded memory. What appears is the content of the image's `io.<type>.cache/`
/// directory.
#pragma once

#include "base/file_observer.hpp"
#include "oci/resolve.hpp"
#include "oci/source.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

namespace gkm::oci {

/// Files and directories of one image. Real caches have thousands.
constexpr uint64_t cache_entries_max = 100'000;

/// What an entry takes on the disk beyond its content: its name in a directory.
constexpr uint64_t entry_name_bytes = 512;
/// Content takes whole blocks of at most this size.
constexpr uint64_t disk_block_bytes = 4'096;

/// What one image may cost and who may touch it. Declared sizes are checked before a byte is
/// written, real ones while writing.
struct extract_limits {
  uint64_t bytes = 64ULL << 30;        ///< unpacked, all files together
  uint64_t files = cache_entries_max;  ///< files and directories together
  uint64_t file_bytes = 16ULL << 30;
  uint32_t path_bytes = 4'096;
  uint32_t path_depth = 64;
  /// For a store, whose views any uid reads and writes. A person's own directory obeys the umask.
  bool open_to_all = true;
};

/// Asked before anything is written: may so much more of the disk be used? What was taken stays
/// taken.
class disk_meter {
public:
  virtual ~disk_meter() = default;
  virtual result<void> take(uint64_t bytes, uint64_t inodes) = 0;
};

struct extracted {
  std::string cache_type;  ///< "triton" or "vllm"
  uint64_t files = 0;      ///< regular files
  uint64_t bytes = 0;      ///< their sizes
};

/// Called now and then with compressed bytes so far; from another thread; must not block.
using progress = std::function<void(uint64_t done_bytes, uint64_t total_bytes)>;

/// Extracts into `dir`, which must exist and be empty. On success every byte was verified: each
/// layer's digest and size, each diff_id. On failure `dir` holds rubbish that the caller removes.
/// Directories come out 0777, files 0666 (0777 if executable), without owners, times, xattrs or
/// ACLs.
///
/// Errors: refused (absolute or `..` path, link leaving the cache, device, fifo, setuid or setgid,
/// entry through or over a link, whiteout, twice the same file in one layer), limit_exceeded,
/// malformed (not a tar, bad compression, diff_id mismatch, no cache directory: says what was
/// looked for), corrupt (layer digest or length), no_space, io, unavailable, cancelled, and those
/// of the meter. `observer` and `meter` may be null.
result<extracted> extract(source& from, const resolved_image& image,
                          const std::filesystem::path& dir, const extract_limits& limits,
                          base::file_observer* observer, const progress& report,
                          std::stop_token stop, disk_meter* meter = nullptr);

}  // namespace gkm::oci
