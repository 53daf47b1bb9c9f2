/// The tar layers of one image, one after the other, to one directory: reads the entries, keeps
/// those of the content directory, and hands them to the tree (may it be?) and the writer (do it).
/// One thread.
#pragma once

#include "oci/extract/cache_tree.hpp"
#include "oci/extract/extract.hpp"
#include "oci/extract/layer_stream.hpp"
#include "oci/extract/tree_writer.hpp"

#include <set>
#include <string>

struct archive;
struct archive_entry;

namespace gkm::oci {

/// What stands before one entry's content: headers, long names, maps of sparse files. The archive's
/// reader keeps what it makes of them, up to `header_memory_factor` times as much.
constexpr uint64_t entry_header_bytes_max = 128 << 10;
constexpr uint64_t header_memory_factor = 24;

struct tar_input;

class unpacker {
public:
  /// `observer` may be null.
  unpacker(tree_writer writer, const extract_limits& limits, base::file_observer* observer);

  /// Reads the layer to its end. `errc::malformed` may have its cause in damaged bytes: ask the
  /// stream's verdict first. After any other error the layer need not be read on.
  result<void> unpack(layer_stream& layer);
  /// A layer that is no archive is not read; its type is named if no cache is found.
  void note_other_layer(std::string_view media_type);
  /// What all the layers came to; `errc::malformed` if no cache was in them.
  result<extracted> finish() const;

  /// How much the next layer may unpack to: what is left of the image's allowance, which covers
  /// files, tar's own overhead and what is skipped.
  uint64_t stream_allowance() const;

private:
  result<void> read_entries(archive* tar, tar_input& in);
  result<void> take(archive* tar, archive_entry* entry, bool damaged);
  result<void> take_content(archive* tar, archive_entry* entry, const std::string& path);
  result<void> take_file(archive* tar, archive_entry* entry, const std::string& path);
  result<void> take_symlink(archive_entry* entry, const std::string& path);
  result<void> take_hard_link(archive_entry* entry, const std::string& path);
  result<void> copy_data(archive* tar, uint64_t size_bytes);
  result<void> make_parents(std::string_view path);
  result<void> admit(archive_entry* entry);
  result<void> enter_cache(std::string_view cache_type);

  tree_writer writer_;
  extract_limits limits_;
  base::file_observer* observer_;
  cache_tree tree_;
  std::string cache_type_;
  std::set<std::string> seen_;  // some of the names at the top that are not the cache's
  uint64_t declared_bytes_ = 0;
  uint64_t stream_bytes_ = 0;
};

}  // namespace gkm::oci
