#include "tests/support/registry/compress.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <zstd.h>

#include <memory>
#include <vector>

namespace gkm::tests {

std::string gzipped(std::string_view bytes, char level) {
  std::unique_ptr<archive, int (*)(archive*)> a(archive_write_new(), archive_write_free);
  archive_write_set_format_raw(a.get());
  archive_write_add_filter_gzip(a.get());
  archive_write_set_filter_option(a.get(), "gzip", "compression-level",
                                  std::string(1, level).c_str());
  archive_write_set_bytes_in_last_block(a.get(), 1);
  std::vector<char> buffer(bytes.size() + bytes.size() / 100 + 4096);
  size_t used = 0;
  archive_write_open_memory(a.get(), buffer.data(), buffer.size(), &used);
  auto* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(a.get(), entry);
  archive_write_data(a.get(), bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_close(a.get());
  return {buffer.data(), used};
}

std::string zstd_compressed(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

}  // namespace gkm::tests
