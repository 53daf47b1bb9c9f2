#include "oci/extract/unpacker.hpp"

#include "oci/extract/entry_name.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <new>

namespace gkm::oci {
namespace {

// What a layer may hold beyond the bytes of its files: headers and padding for every file that the
// limits allow, and something for tools that fill up the last record.
constexpr uint64_t overhead_bytes_per_file = 4'096;
constexpr uint64_t base_overhead_bytes = 16ULL << 20;

// How many names an error lists when there was no cache.
constexpr size_t max_names_shown = 5;

/// libarchive converts the names in pax headers to this thread's character set; they shall stay
/// UTF-8 whatever the process runs in.
class utf8_names {
public:
  utf8_names() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_) before_ = uselocale(locale_);
  }
  ~utf8_names() {
    if (!locale_) return;
    uselocale(before_);
    freelocale(locale_);
  }
  utf8_names(const utf8_names&) = delete;
  utf8_names& operator=(const utf8_names&) = delete;

private:
  locale_t locale_;
  locale_t before_{};
};

struct archive_free {
  void operator()(archive* a) const { archive_read_free(a); }
};
using archive_ptr = std::unique_ptr<archive, archive_free>;

}  // namespace

/// What libarchive reads from: it looks at the current block until it asks for the next.
struct tar_input {
  layer_stream& layer;
  block current;
  uint64_t bytes = 0;
  bool in_header = false;
  uint64_t header_bytes = 0;  // of the entry at hand, in whole blocks
};

namespace {

la_ssize_t next_block(archive*, void* data, const void** buffer) {
  auto& in = *static_cast<tar_input*>(data);
  if (in.in_header && in.header_bytes > entry_header_bytes_max) return ARCHIVE_FATAL;
  in.current = in.layer.next();
  in.bytes += in.current.bytes.size();
  if (in.in_header) in.header_bytes += in.current.bytes.size();
  *buffer = in.current.bytes.data();
  return static_cast<la_ssize_t>(in.current.bytes.size());
}

tl::unexpected<error> not_a_tar(archive* tar) {
  const char* cause = archive_error_string(tar);
  return fail(errc::malformed,
              std::string("Failed to read the tar archive: ") + (cause ? cause : "unknown cause"));
}

result<archive_ptr> open_tar(tar_input& in) {
  archive_ptr tar(archive_read_new());
  if (!tar) throw std::bad_alloc();
  archive_read_support_format_tar(tar.get());
  if (archive_read_open(tar.get(), &in, nullptr, next_block, nullptr) != ARCHIVE_OK)
    return not_a_tar(tar.get());
  return tar;
}

std::string_view kind_of(mode_t type) {
  switch (type) {
    case AE_IFCHR:
      return "character device";
    case AE_IFBLK:
      return "block device";
    case AE_IFIFO:
      return "fifo";
    case AE_IFSOCK:
      return "socket";
    default:
      return "entry of unknown type";
  }
}

std::string text_or_empty(const char* text) { return text ? text : ""; }

}  // namespace

unpacker::unpacker(tree_writer writer, const extract_limits& limits, base::file_observer* observer)
    : writer_(std::move(writer)), limits_(limits), observer_(observer), tree_(limits) {}

uint64_t unpacker::stream_allowance() const {
  auto overhead =
      std::min(limits_.bytes, std::min(limits_.files, limits_.bytes) * overhead_bytes_per_file);
  auto all = limits_.bytes + overhead + base_overhead_bytes;
  return all - std::min(all, stream_bytes_);
}

result<void> unpacker::unpack(layer_stream& layer) {
  utf8_names names;
  tree_.begin_layer();
  tar_input in{layer, {}};
  auto tar = open_tar(in);
  if (!tar) return fail(tar.error());
  auto read = read_entries(tar->get(), in);
  if (!read) return read;
  in.in_header = false;
  // What follows the end of the archive belongs to the digests all the same.
  const void* unused = nullptr;
  while (next_block(nullptr, &in, &unused) > 0) {
  }
  stream_bytes_ += in.bytes;
  return {};
}

result<void> unpacker::read_entries(archive* tar, tar_input& in) {
  for (bool more_of_one = false;;) {
    archive_entry* entry = nullptr;
    // What is left of the entry before is no part of a header.
    if (std::exchange(more_of_one, false) && archive_read_data_skip(tar) < ARCHIVE_WARN)
      return not_a_tar(tar);
    in.in_header = true;
    in.header_bytes = 0;
    int code = archive_read_next_header(tar, &entry);
    in.in_header = false;
    if (code == ARCHIVE_FATAL && in.header_bytes > entry_header_bytes_max)
      return fail(errc::limit_exceeded, "the headers of an entry have more than " +
                                            std::to_string(entry_header_bytes_max) + " bytes");
    if (code == ARCHIVE_EOF) return {};
    if (code == ARCHIVE_RETRY) continue;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return not_a_tar(tar);
    more_of_one = true;
    auto taken = take(tar, entry, code == ARCHIVE_WARN);
    if (!taken) {
      auto name = text_or_empty(archive_entry_pathname(entry));
      return wrap(taken.error(), "entry " + in_quotes(name));
    }
  }
}

result<void> unpacker::take(archive* tar, archive_entry* entry, bool damaged) {
  auto name = text_or_empty(archive_entry_pathname(entry));
  if (name.empty()) return fail(errc::refused, "it has no name");
  if (hides_content(name))
    return fail(errc::refused, "it is a whiteout: a cache image may not delete files");
  if (auto r = admit(entry); !r) return r;
  auto place = place_of(name);
  if (place.cache_type.empty()) {
    if (seen_.size() < max_names_shown && !place.top.empty()) seen_.emplace(place.top);
    return {};
  }
  if (damaged) return not_a_tar(tar);
  if (auto r = enter_cache(place.cache_type); !r) return r;
  auto path = path_in_content(name, limits_);
  if (!path) return fail(path.error());
  return take_content(tar, entry, *path);
}

/// The limits hold for every entry, also for those that are skipped: they have to be read, too.
result<void> unpacker::admit(archive_entry* entry) {
  if (auto r = tree_.count_entry(); !r) return r;
  auto size = archive_entry_size(entry);
  if (size < 0) return fail(errc::malformed, "its size is negative");
  auto bytes = static_cast<uint64_t>(size);
  if (bytes > limits_.file_bytes)
    return fail(errc::limit_exceeded, "it has " + std::to_string(bytes) +
                                          " bytes, a file may have " +
                                          std::to_string(limits_.file_bytes));
  declared_bytes_ += bytes;  // cannot overflow: each is at most file_bytes, and the sum is checked
  if (declared_bytes_ > limits_.bytes)
    return fail(errc::limit_exceeded, "with it the image has more than " +
                                          std::to_string(limits_.bytes) + " bytes, the limit");
  return {};
}

result<void> unpacker::enter_cache(std::string_view cache_type) {
  if (cache_type_.empty()) cache_type_ = cache_type;
  if (cache_type_ != cache_type)
    return fail(
        errc::malformed,
        "the image has both 'io.triton.cache/' and 'io.vllm.cache/': pack one cache per image");
  return {};
}

result<void> unpacker::take_content(archive* tar, archive_entry* entry, const std::string& path) {
  bool hard_link = archive_entry_hardlink(entry) != nullptr;
  auto type = archive_entry_filetype(entry);
  // Volumes with an fsGroup have setgid directories; the bit is dropped with the rest of the mode.
  mode_t forbidden = type == AE_IFDIR && !hard_link ? S_ISUID : S_ISUID | S_ISGID;
  if ((archive_entry_perm(entry) & forbidden) != 0)
    return fail(errc::refused, "it is setuid or setgid");
  if (path.empty()) {
    if (type == AE_IFDIR && !hard_link) return {};
    return fail(errc::refused, "the cache's content must be a directory");
  }
  if (hard_link) return take_hard_link(entry, path);
  if (type == AE_IFDIR) {
    if (auto r = make_parents(path); !r) return r;
    auto step = tree_.add_directory(path);
    if (!step) return fail(step.error());
    return *step == cache_tree::step::create ? writer_.make_directory(path) : result<void>();
  }
  if (type == AE_IFREG) return take_file(tar, entry, path);
  if (type == AE_IFLNK) return take_symlink(entry, path);
  return fail(errc::refused, "it is a " + std::string(kind_of(type)));
}

result<void> unpacker::take_file(archive* tar, archive_entry* entry, const std::string& path) {
  if (archive_entry_sparse_count(entry) > 0)
    return fail(errc::refused, "it is a sparse file: pack it without --sparse");
  if (auto r = make_parents(path); !r) return r;
  auto size = static_cast<uint64_t>(archive_entry_size(entry));
  auto step = tree_.add_file(path, size);
  if (!step) return fail(step.error());
  bool executable = (archive_entry_perm(entry) & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
  if (auto r = writer_.begin_file(path, executable, *step == cache_tree::step::replace); !r)
    return r;
  if (observer_) observer_->begin(path, size);
  if (auto r = copy_data(tar, size); !r) return r;
  if (observer_) observer_->end();
  return writer_.end_file();
}

result<void> unpacker::copy_data(archive* tar, uint64_t size_bytes) {
  uint64_t done = 0;
  for (;;) {
    const void* data = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    int code = archive_read_data_block(tar, &data, &size, &offset);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK) return not_a_tar(tar);
    if (static_cast<uint64_t>(offset) != done || size > size_bytes - done) break;
    std::span bytes(static_cast<const std::byte*>(data), size);
    if (auto r = writer_.write(bytes); !r) return r;
    if (observer_) observer_->data(bytes);
    done += size;
  }
  if (done != size_bytes)
    return fail(errc::malformed, "its " + std::to_string(size_bytes) +
                                     " bytes are not all there, one after the other");
  return {};
}

result<void> unpacker::take_symlink(archive_entry* entry, const std::string& path) {
  auto target = text_or_empty(archive_entry_symlink(entry));
  if (auto inside = target_in_content(path, target, cache_type_)) target = std::move(*inside);
  if (auto r = check_symlink(path, target, limits_); !r) return r;
  if (auto r = make_parents(path); !r) return r;
  if (auto r = tree_.add_symlink(path); !r) return r;
  return writer_.make_symlink(path, target);
}

result<void> unpacker::take_hard_link(archive_entry* entry, const std::string& path) {
  auto target = text_or_empty(archive_entry_hardlink(entry));
  if (place_of(target).cache_type != cache_type_)
    return fail(errc::refused,
                "it is a hard link to " + in_quotes(target) + ", which lies outside of the cache");
  auto existing = path_in_content(target, limits_);
  if (!existing) return wrap(existing.error(), "it is a hard link to " + in_quotes(target));
  if (auto r = make_parents(path); !r) return r;
  if (auto r = tree_.add_hard_link(path, *existing); !r) return r;
  return writer_.make_hard_link(path, *existing);
}

result<void> unpacker::make_parents(std::string_view path) {
  auto missing = tree_.add_parents(path);
  if (!missing) return fail(missing.error());
  for (auto directory : *missing)
    if (auto r = writer_.make_directory(directory); !r) return r;
  return {};
}

void unpacker::note_other_layer(std::string_view media_type) {
  if (seen_.size() < max_names_shown) seen_.emplace(media_type);
}

result<extracted> unpacker::finish() const {
  if (!cache_type_.empty()) return extracted{cache_type_, tree_.files(), tree_.bytes()};
  std::string there;
  for (const auto& name : seen_) there += (there.empty() ? "" : ", ") + in_quotes(name);
  return fail(errc::malformed,
              "no cache in its layers: looked for 'io.triton.cache/' and 'io.vllm.cache/', found " +
                  (there.empty() ? "nothing" : there));
}

}  // namespace gkm::oci
