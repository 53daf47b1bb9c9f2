// A layer extracted: whatever it is, nothing but the directory changes, and what is in there is
// harmless.
#include "base/sha256.hpp"
#include "oci/extract/extract.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/registry/compress.hpp"
#include "tests/support/registry/tar_builder.hpp"
#include "tests/support/temp_dir.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace gkm::fuzz {
namespace {

namespace fs = std::filesystem;
using namespace oci;
using tests::tar_builder;

constexpr std::string_view between_layers = "\n====\n";

extract_limits limits() {
  extract_limits l;
  l.bytes = 1 << 20;
  l.files = 64;
  l.file_bytes = 512 << 10;
  l.path_bytes = 512;
  l.path_depth = 8;
  return l;
}

class text_stream : public base::byte_stream {
public:
  explicit text_stream(std::string_view text) : text_(text) {}
  result<base::chunk> next() override {
    constexpr size_t piece_bytes = 1'000;
    const auto piece = text_.substr(0, piece_bytes);
    text_.remove_prefix(piece.size());
    base::chunk out(piece.size());
    std::copy(piece.begin(), piece.end(), reinterpret_cast<char*>(out.spare().data()));
    out.grow(piece.size());
    return out;
  }

private:
  std::string_view text_;
};

class layers_source : public source {
public:
  descriptor add(std::string text) {
    texts_.push_back(std::move(text));
    return {"", base::sha256::of(texts_.back()), texts_.back().size(), {}};
  }
  result<fetched_manifest> manifest(const image_ref&, std::stop_token) override {
    return fail(errc::not_found, "no manifest here");
  }
  result<std::unique_ptr<base::byte_stream>> blob(const image_ref&, const descriptor& what,
                                                  std::stop_token) override {
    for (const auto& text : texts_)
      if (base::sha256::of(text) == what.content) return std::make_unique<text_stream>(text);
    return fail(errc::not_found, "no such blob");
  }

private:
  std::vector<std::string> texts_;
};

/// The directory to extract to, and a tree beside it that must stay as it is.
class place {
public:
  place() {
    ::umask(022);
    fs::create_directories(beside() / "d");
    std::ofstream(beside() / "d/file") << "as it was";
    fs::create_symlink("d/file", beside() / "link");
    before_ = look(root_.path());
  }

  const fs::path& fresh_directory() {
    fs::remove_all(dir_);
    fs::create_directory(dir_);
    return dir_;
  }
  const fs::path& dir() const { return dir_; }

  void require_unchanged() const {
    require(look(root_.path()) == before_, "something outside of the directory changed");
  }

private:
  fs::path beside() const { return root_.path() / "beside"; }

  // Every name but those in the directory, with what tells a change.
  std::vector<std::string> look(const fs::path& where) const {
    std::vector<std::string> all;
    for (const auto& e : fs::directory_iterator(where)) {
      if (e.path() == dir_) continue;
      struct stat s {};
      require(::lstat(e.path().c_str(), &s) == 0, "lstat");
      all.push_back(e.path().string() + " " + std::to_string(s.st_mode) + " " +
                    std::to_string(s.st_size) + " " + std::to_string(s.st_nlink) + " " +
                    std::to_string(s.st_mtim.tv_nsec) + " " + std::to_string(s.st_ctim.tv_nsec));
      if (e.is_directory() && !e.is_symlink())
        for (auto& below : look(e.path())) all.push_back(std::move(below));
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  support::temp_dir root_;
  const fs::path dir_ = root_ / "dir";
  std::vector<std::string> before_;
};

void check_link(const fs::path& dir, const fs::path& link) {
  const auto to = fs::read_symlink(link);
  require(to.is_relative(), "an absolute link");
  const auto lands = (link.parent_path() / to).lexically_normal();
  require(std::mismatch(dir.begin(), dir.end(), lands.begin(), lands.end()).first == dir.end(),
          "a link leaves the directory: " + to.string());
}

void check_tree(const fs::path& dir, const result<extracted>& told) {
  uint64_t files = 0, bytes = 0, entries = 0;
  for (const auto& e : fs::recursive_directory_iterator(dir)) {
    struct stat s {};
    require(::lstat(e.path().c_str(), &s) == 0, "lstat");
    require(S_ISREG(s.st_mode) || S_ISDIR(s.st_mode) || S_ISLNK(s.st_mode), "a special file");
    require((s.st_mode & 07000) == 0, "setuid, setgid or sticky");
    ++entries;
    if (S_ISLNK(s.st_mode)) check_link(dir, e.path());
    if (!S_ISREG(s.st_mode)) continue;
    ++files;
    bytes += static_cast<uint64_t>(s.st_size);
  }
  require(entries <= limits().files && bytes <= limits().bytes, "more than the limits");
  if (told) require(told->files == files && told->bytes == bytes, "the count is not what is there");
}

void extract_layers(const std::vector<std::string>& layers) {
  static place where;
  layers_source from;
  resolved_image image;
  image.ref = {"registry.test", "team/cache", "v1", {}};
  for (const auto& layer : layers) {
    image.content.layers.push_back(from.add(layer));
    image.layer_bytes += layer.size();
  }
  const auto& dir = where.fresh_directory();
  const auto told = extract(from, image, dir, limits(), nullptr, nullptr, {});
  check_tree(dir, told);
  where.require_unchanged();
}

std::vector<std::string> split(std::string_view input) {
  std::vector<std::string> layers;
  while (layers.size() < 3) {
    auto end = layers.size() == 2 ? input.npos : input.find(between_layers);
    layers.emplace_back(input.substr(0, end));
    if (end == input.npos) break;
    input.remove_prefix(end + between_layers.size());
  }
  return layers;
}

// Most changes of a header break its sum, and would be all that is ever tried.
void mend_sums(std::string& tar) {
  constexpr size_t block_bytes = 512, sum_at = 148, sum_bytes = 8, magic_at = 257;
  for (size_t at = 0; at + block_bytes <= tar.size(); at += block_bytes) {
    if (tar.compare(at + magic_at, 5, "ustar") != 0) continue;
    tar.replace(at + sum_at, sum_bytes, sum_bytes, ' ');
    unsigned sum = 0;
    for (size_t i = 0; i < block_bytes; ++i) sum += static_cast<unsigned char>(tar[at + i]);
    char text[sum_bytes + 1];
    std::snprintf(text, sizeof text, "%06o", sum & 0777777);
    text[6] = '\0', text[7] = ' ';
    tar.replace(at + sum_at, sum_bytes, text, sum_bytes);
  }
}

void extract_mended(std::string_view input) {
  auto layers = split(input);
  for (auto& tar : layers) mend_sums(tar);
  extract_layers(layers);
}

void extract_as_it_is(std::string_view input) { extract_layers(split(input)); }

}  // namespace

std::vector<subject> subjects() {
  const std::string in = "io.triton.cache/";
  const auto usual = tar_builder()
                         .directory(in)
                         .directory(in + "A")
                         .file(in + "A/k.json", "{}")
                         .file(in + "A/run", "x", 0755)
                         .symlink(in + "A/l", "k.json")
                         .hard_link(in + "A/h", in + "A/k.json")
                         .finished();
  const auto vllm = tar_builder().file("./io.vllm.cache/x/y", "abc").finished();
  const auto pax = tar_builder()
                       .pax({{"path", in + "long/name"}, {"mtime", "1.5"}})
                       .file("a", "pax")
                       .gnu_long('L', in + "gnu/name")
                       .file("b", "gnu")
                       .finished();
  std::vector<std::string> tars{
      usual,
      vllm,
      pax,
      usual + std::string(between_layers) + tar_builder().file(in + "A/k.json", "new").finished(),
      tar_builder().file("/" + in + "a", "").finished(),
      tar_builder().file(in + "../../beside/d/file", "x").finished(),
      tar_builder().symlink(in + "l", "../../beside").file(in + "l/d/file", "x").finished(),
      tar_builder().symlink(in + "l", "/etc/passwd").finished(),
      tar_builder().symlink(in + "d/l", "../../x").finished(),
      tar_builder().symlink(in + "up", "..").hard_link(in + "h", "beside/d/file").finished(),
      tar_builder().file(in + "s", "x", 04755).finished(),
      tar_builder().add({in + "p", '6', "", 0666, "", {}}).finished(),
      tar_builder().file(in + ".wh.x", "").finished(),
      tar_builder().add({in + "big", '0', "", 0644, "", 1ULL << 40}).finished(),
      tar_builder()
          .pax({{"GNU.sparse.major", "1"},
                {"GNU.sparse.minor", "0"},
                {"GNU.sparse.realsize", "99999999"}})
          .file(in + "sparse", "1\n0\n5\nhello")
          .finished()};
  std::vector<std::string> packed;
  for (const auto& tar : {usual, vllm, pax}) {
    packed.push_back(tests::gzipped(tar));
    packed.push_back(tests::zstd_compressed(tar));
  }
  packed.push_back(tests::gzipped(tars.front()) + std::string(between_layers) +
                   tests::zstd_compressed(vllm));
  return {{"tar", extract_mended, tars}, {"packed", extract_as_it_is, packed}};
}

std::vector<std::string> tokens() {
  return {"io.triton.cache/",
          "io.vllm.cache/",
          "../",
          "/..",
          "beside/d/file",
          ".wh.",
          std::string("ustar\0"
                      "00",
                      8),
          "ustar  ",
          "path=",
          "linkpath=",
          "size=",
          "GNU.sparse.map=",
          "0004755",
          "././@LongLink",
          std::string(between_layers),
          std::string("\0", 1),
          "\xff"};
}

}  // namespace gkm::fuzz
