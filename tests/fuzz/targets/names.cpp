// Names that become parts of paths, URLs and texts: images, digests, caches, entries of archives,
// secrets.
#include "messages/cache.hpp"
#include "messages/paths.hpp"
#include "messages/printable.hpp"
#include "messages/pull_secret.hpp"
#include "messages/volume.hpp"
#include "oci/extract/entry_name.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <filesystem>

namespace gkm::fuzz {
namespace {

namespace fs = std::filesystem;

bool is_beneath(const fs::path& root, const fs::path& path) {
  const auto normal = path.lexically_normal();
  return std::mismatch(root.begin(), root.end(), normal.begin(), normal.end()).first == root.end();
}

void read_image(std::string_view input) {
  work_meter work;
  require_round_trip(
      input, [](std::string_view text) { return image_ref::parse(text); },
      [](const image_ref& ref) { return ref.str(); });
  work.require_at_most(16 << 10, 32, input.size(), "an image reference");
}

void read_digest(std::string_view input) {
  auto d = digest::parse(input);
  if (d)
    require(d->str() == input && d->hex.size() == 64, "a digest is not printed as it was read");
}

void read_cache_name(std::string_view input) {
  auto [ns, name] = first_line(input);
  auto ref = cache_ref::make(ns, name);
  if (!ref) return;
  const auto where = paths::below("/state");
  for (const auto& path : {where.cache(*ref), where.record(*ref), where.exposed(*ref)})
    require(path == path.lexically_normal() && is_beneath(where.caches(), path),
            "a name left its directory");
  require(where.cache(*ref) != where.cache({ref->ns + "x", ref->name}),
          "two caches share a directory");
}

void read_secret_name(std::string_view input) {
  auto [ns, name] = first_line(input);
  require(cache_ref::make("", pull_secret_copy(ns, name)).has_value(),
          "a copy's name is none for a secret");
  require(pull_secret_copy(ns, name) != pull_secret_copy(name, std::string(ns) + "x"),
          "two secrets share a copy");
}

// The name of an entry, then where it would link to.
void read_entry(std::string_view input) {
  auto [name, target] = first_line(input);
  const oci::extract_limits limits;
  require(oci::in_quotes(name).size() <= 210, "a quoted name is not bounded");
  oci::hides_content(name);
  const auto place = oci::place_of(name);
  if (place.cache_type.empty()) return;
  auto path = oci::path_in_content(name, limits);
  if (!path || path->empty()) return;
  const fs::path inside(*path);
  require(inside.is_relative() && inside == inside.lexically_normal() && *inside.begin() != "..",
          "an entry leaves the cache");
  if (oci::check_symlink(*path, target, limits))
    require(is_beneath("/cache", "/cache" / inside.parent_path() / std::string(target)),
            "a link leaves the cache");
}

void read_path(std::string_view input) {
  if (!is_normal_path(input)) return;
  const fs::path path{std::string(input)};
  require(path.is_absolute() && path == path.lexically_normal(), "a normal path is not normal");
}

void show(std::string_view input) {
  const auto shown = printable(input, 40);
  require(shown.size() <= 43 && printable(shown, 43) == shown, "what is printable is not bounded");
  const auto utf8 = valid_utf8(input);
  require(utf8.size() == input.size() && valid_utf8(utf8) == utf8, "valid UTF-8 is not valid");
}

}  // namespace

std::vector<subject> subjects() {
  const std::string digest = "sha256:" + std::string(64, 'a');
  return {
      {"image",
       read_image,
       {"quay.io/gkm/cache-examples:vector-add-cache-rocm", "busybox", "localhost/x@" + digest,
        "127.0.0.1:5000/a/b:t@" + digest, "[::1]:5000/x", "oci:/dir:tag", "oci:dir@" + digest,
        "docker://index.docker.io/library/x", "Registry.Example/a__b-c.d/e", std::string(247, 'a'),
        std::string(248, 'a'), "host:1/x:y"}},
      {"digest", read_digest, {digest, "sha512:" + std::string(64, 'a')}},
      {"cache", read_cache_name, {"default\nvector-add", "\na.b-c", "..\n..", "a\nb/c"}},
      {"secret", read_secret_name, {"default\nregcred", "a\n" + std::string(253, 'b')}},
      {"entry",
       read_entry,
       {"io.triton.cache/a/b\n../c", "./io.vllm.cache//x/./y\nz/w", "io.triton.cache/../x\n",
        "io.triton.cache/a\n/etc", "io.triton.cache/.wh.x\n", "io.triton.cache/\xc3\xa9\nb/../c"}},
      {"path", read_path, {"/cache", "/a/../b", "/", "/a//b", "/a/"}},
      {"text", show, {"plain", "\xf0\x9f\x98\x80\xed\xa0\x80\xff", std::string(50, 'x')}},
  };
}

std::vector<std::string> tokens() {
  return {"docker.io/",
          "library/",
          "localhost",
          "oci:",
          "docker://",
          "@sha256:",
          ":latest",
          "[::1]",
          ":65535",
          std::string(64, 'b'),
          "__",
          "..",
          "./",
          "io.triton.cache/",
          "io.vllm.cache/",
          ".wh.",
          ".wh..wh..opq",
          "../../",
          "\xc2\x9b",
          "\xe2\x80\xae",
          "a/b"};
}

}  // namespace gkm::fuzz
