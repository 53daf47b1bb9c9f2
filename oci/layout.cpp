/// The OCI layout source: an image in a directory. Everything is opened beneath that directory, so
/// links in it lead nowhere else.
#include "base/files.hpp"
#include "base/sha256.hpp"
#include "messages/printable.hpp"
#include "oci/json.hpp"
#include "oci/registry/registry.hpp"
#include "oci/resolve.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace gkm::oci {
namespace {

constexpr size_t chunk_bytes = 256 << 10;
constexpr size_t max_marker_bytes = 4 << 10;
constexpr const char* tag_annotation = "org.opencontainers.image.ref.name";

struct file {
  base::fd handle;
  uint64_t size_bytes = 0;
};

error open_error(const std::string& dir, const std::string& path, int cause) {
  auto missing = cause == ENOENT || cause == ENOTDIR;
  return {missing ? errc::not_found : errc::io,
          "Failed to open '" + path + "' of OCI layout '" + dir +
              "': " + (cause == EXDEV ? "it leads out of the directory" : std::strerror(cause)),
          {}};
}

// A regular file beneath `dir`.
result<file> open_beneath(const std::string& dir, const std::string& path) {
  base::fd root(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root)
    return fail(errno == ENOENT ? errc::not_found : errc::io,
                "Failed to open OCI layout '" + dir + "': " + std::strerror(errno));
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a FIFO must not hold us up
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  auto got = ::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how);
  if (got < 0) return fail(open_error(dir, path, errno));
  file out{base::fd(static_cast<int>(got)), 0};
  struct stat about {};
  if (::fstat(out.handle.get(), &about) != 0) return fail(open_error(dir, path, errno));
  if (!S_ISREG(about.st_mode))
    return fail(errc::malformed, "'" + path + "' of OCI layout '" + dir + "' is no regular file");
  out.size_bytes = static_cast<uint64_t>(about.st_size);
  return out;
}

result<size_t> read_into(const base::fd& from, std::span<std::byte> to) {
  size_t done = 0;
  while (done < to.size()) {
    auto n = ::read(from.get(), to.data() + done, to.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errc::io, std::string("Failed to read: ") + std::strerror(errno));
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

result<std::string> read_small(const std::string& dir, const std::string& path, size_t max_bytes) {
  auto in = open_beneath(dir, path);
  if (!in) return fail(in.error());
  if (in->size_bytes > max_bytes)
    return fail(errc::limit_exceeded, "'" + path + "' of OCI layout '" + dir + "' has " +
                                          std::to_string(in->size_bytes) + " bytes, the limit is " +
                                          std::to_string(max_bytes));
  std::string text(in->size_bytes, '\0');
  auto n = read_into(in->handle, std::as_writable_bytes(std::span(text)));
  if (!n) return wrap(n.error(), "'" + path + "' of OCI layout '" + dir + "'");
  text.resize(*n);
  return text;
}

std::string blob_path(const digest& content) { return "blobs/sha256/" + content.hex; }

result<void> check_marker(const std::string& dir) {
  auto text = read_small(dir, "oci-layout", max_marker_bytes);
  if (!text) {
    if (text.error().code != errc::not_found) return fail(text.error());
    return fail(errc::not_found,
                "'" + dir + "' is no OCI layout: it is missing, or has no file 'oci-layout'");
  }
  rapidjson::Document document;
  if (auto ok = json::parse(*text, "file 'oci-layout'", document); !ok) return fail(ok.error());
  auto version = json::text(document, "imageLayoutVersion", "");
  if (!version || !version->starts_with("1."))
    return fail(errc::malformed, "'" + dir + "' is an OCI layout of another version than 1");
  return {};
}

std::string tag_of(const index_entry& entry) {
  auto it = entry.what.annotations.find(tag_annotation);
  return it == entry.what.annotations.end() ? "" : it->second;
}

std::string tags_on_offer(const index& all) {
  constexpr size_t max_named = 10;
  std::string out;
  size_t named = 0;
  for (const auto& entry : all.entries) {
    auto tag = tag_of(entry);
    if (tag.empty()) continue;
    if (++named > max_named) return out + ", ...";
    out += (out.empty() ? "" : ", ") + printable(tag, 60);
  }
  return out.empty() ? "none" : out;
}

/// A name that a tool wrote: a tag, or a whole reference ("quay.io/me/caches:one"), whose tag alone
/// is meant as well.
bool is_named(const index_entry& entry, std::string_view name) {
  auto own = tag_of(entry);
  if (own == name) return true;
  auto colon = own.rfind(':');
  return own.find('/') != std::string::npos && colon != std::string::npos &&
         own.find('/', colon) == std::string::npos &&
         std::string_view(own).substr(colon + 1) == name;
}

bool is_for_host(const index_entry& entry) {
  return !entry.runs_on || is_host_platform(*entry.runs_on);
}

/// The entries of that name: those whose whole name it is, or else those whose tag it is; of
/// several with one name those for this platform.
std::vector<const index_entry*> named(const index& all, std::string_view name) {
  std::vector<const index_entry*> found;
  for (const auto& entry : all.entries)
    if (tag_of(entry) == name) found.push_back(&entry);
  if (found.empty())
    for (const auto& entry : all.entries)
      if (is_named(entry, name)) found.push_back(&entry);
  if (found.size() > 1 &&
      std::any_of(found.begin(), found.end(), [](const auto* e) { return is_for_host(*e); }))
    std::erase_if(found, [](const index_entry* e) { return !is_for_host(*e); });
  return found;
}

result<descriptor> choose(const index& all, const image_ref& ref) {
  if (!ref.pinned.empty()) {
    for (const auto& entry : all.entries)
      if (entry.what.content == ref.pinned) return entry.what;
  } else if (!ref.tag.empty()) {
    auto found = named(all, ref.tag);
    auto differs = [&](const auto* e) { return e->what.content != found.front()->what.content; };
    if (std::any_of(found.begin(), found.end(), differs))
      return fail(errc::invalid_argument,
                  "OCI layout '" + ref.repository + "' has " + std::to_string(found.size()) +
                      " images of the name '" + printable(ref.tag, 200) +
                      "': say which by its digest, '" + found.front()->what.content.str() +
                      "' for the first, as 'oci:" + printable(ref.repository, 200) + "@DIGEST'");
    if (!found.empty()) return found.front()->what;
  } else if (all.entries.size() == 1) {
    return all.entries.front().what;
  }
  // Not listed, but it may well be there: a manifest that an index of this layout names.
  if (!ref.pinned.empty()) return descriptor{"", ref.pinned, 0, {}};
  auto offer = "it has the tags: " + tags_on_offer(all);
  if (ref.tag.empty())
    return fail(errc::not_found, "OCI layout '" + ref.repository + "' has " +
                                     std::to_string(all.entries.size()) +
                                     " images: add ':tag' to say which, " + offer);
  return fail(errc::not_found, "no image '" + ref.str() + "': check the tag, " + offer);
}

class file_stream : public base::byte_stream {
public:
  file_stream(file from, std::string subject, std::stop_token stop)
      : from_(std::move(from)), subject_(std::move(subject)), stop_(std::move(stop)) {}

  result<base::chunk> next() override {
    if (stop_.stop_requested()) return fail(errc::cancelled, subject_ + ": cancelled");
    auto left = from_.size_bytes - done_;
    if (left == 0) return base::chunk();
    base::chunk out(std::min<uint64_t>(left, chunk_bytes));
    auto n = read_into(from_.handle, out.spare());
    if (!n) return wrap(n.error(), subject_);
    if (*n < out.capacity()) return fail(errc::corrupt, subject_ + " became shorter meanwhile");
    out.grow(*n);
    done_ += *n;
    return out;
  }

private:
  const file from_;
  const std::string subject_;
  const std::stop_token stop_;
  uint64_t done_ = 0;
};

/// "oci:DIR:quay.io/me/caches:one" reads as a tag "one" in a directory "DIR:quay.io/me/caches":
/// where that is none but DIR is a layout, the rest is the image's whole name.
image_ref with_whole_name(const image_ref& ref) {
  auto is_layout = [](const std::string& dir) {
    return ::access((dir + "/oci-layout").c_str(), F_OK) == 0;
  };
  if (ref.repository.find(':') == std::string::npos || is_layout(ref.repository)) return ref;
  for (auto colon = ref.repository.find(':'); colon != std::string::npos;
       colon = ref.repository.find(':', colon + 1)) {
    if (!is_layout(ref.repository.substr(0, colon))) continue;
    auto whole = ref;
    whole.repository = ref.repository.substr(0, colon);
    whole.tag = ref.repository.substr(colon + 1) + (ref.tag.empty() ? "" : ":" + ref.tag);
    return whole;
  }
  return ref;
}

class layout_source : public source {
public:
  result<fetched_manifest> manifest(const image_ref& given, std::stop_token) override {
    const auto ref = with_whole_name(given);
    const auto& dir = ref.repository;
    if (auto ok = check_marker(dir); !ok) return fail(ok.error());
    auto listing = read_small(dir, "index.json", max_manifest_bytes);
    if (!listing) return fail(listing.error());
    auto all = parse_index(*listing);
    if (!all) return wrap(all.error(), "'index.json' of OCI layout '" + dir + "'");
    auto what = choose(*all, ref);
    if (!what) return fail(what.error());
    auto bytes = read_small(dir, blob_path(what->content), max_manifest_bytes);
    if (!bytes) return fail(bytes.error());
    fetched_manifest out{std::move(*bytes), what->media_type, {}};
    out.content = base::sha256::of(out.bytes);
    if (out.content != what->content)
      return fail(errc::corrupt, "manifest '" + what->content.str() + "' of OCI layout '" + dir +
                                     "' has digest '" + out.content.str() + "'");
    return out;
  }

  result<std::unique_ptr<base::byte_stream>> blob(const image_ref& ref, const descriptor& what,
                                                  std::stop_token stop) override {
    const auto dir = with_whole_name(ref).repository;
    auto subject = "blob '" + what.content.str() + "' of OCI layout '" + dir + "'";
    auto from = open_beneath(dir, blob_path(what.content));
    if (!from) return fail(from.error());
    if (from->size_bytes != what.size_bytes)
      return fail(errc::corrupt, subject + " has " + std::to_string(from->size_bytes) +
                                     " bytes, its descriptor says " +
                                     std::to_string(what.size_bytes));
    return std::make_unique<file_stream>(std::move(*from), std::move(subject), std::move(stop));
  }
};

}  // namespace

std::unique_ptr<source> make_layout_source() { return std::make_unique<layout_source>(); }

}  // namespace gkm::oci
