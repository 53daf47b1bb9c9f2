/// What the tests of extraction share: an image in memory, a directory to extract into, and a
/// canary beside it that must not change.
#pragma once

#include "base/sha256.hpp"
#include "oci/extract/extract.hpp"
#include "tests/support/registry/compress.hpp"
#include "tests/support/registry/tar_builder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace gkm::oci {

using tests::tar_builder;

using tests::gzipped;
using tests::zstd_compressed;

/// Blobs in memory, handed out in pieces, with room for mischief.
class memory_source : public source {
public:
  using hook = std::function<result<void>(uint64_t done_bytes, const std::stop_token&)>;

  descriptor add(std::string bytes) {
    descriptor d{"application/octet-stream", base::sha256::of(bytes), bytes.size(), {}};
    blobs_[d.content.hex] = std::make_shared<const std::string>(std::move(bytes));
    return d;
  }

  /// What the blob with this digest really holds.
  void swap_content(const descriptor& d, std::string bytes) {
    blobs_[d.content.hex] = std::make_shared<const std::string>(std::move(bytes));
  }

  size_t chunk_bytes = 64 << 10;
  hook before_chunk;  ///< an error comes out of `next`

  result<fetched_manifest> manifest(const image_ref&, std::stop_token) override {
    return fail(errc::not_found, "no manifest here");
  }

  result<std::unique_ptr<base::byte_stream>> blob(const image_ref&, const descriptor& what,
                                                  std::stop_token stop) override {
    auto found = blobs_.find(what.content.hex);
    if (found == blobs_.end()) return fail(errc::not_found, "no such blob");
    return std::make_unique<stream>(found->second, chunk_bytes, before_chunk, std::move(stop));
  }

private:
  class stream : public base::byte_stream {
  public:
    stream(std::shared_ptr<const std::string> bytes, size_t chunk_bytes, hook before,
           std::stop_token stop)
        : bytes_(std::move(bytes)),
          chunk_bytes_(chunk_bytes),
          before_(std::move(before)),
          stop_(std::move(stop)) {}

    result<base::chunk> next() override {
      if (before_)
        if (auto r = before_(done_, stop_); !r) return fail(r.error());
      if (stop_.stop_requested()) return fail(errc::cancelled, "stopped");
      auto part = std::string_view(*bytes_).substr(done_, chunk_bytes_);
      base::chunk c(part.size());
      std::copy(part.begin(), part.end(), reinterpret_cast<char*>(c.data()));
      c.grow(part.size());
      done_ += part.size();
      return c;
    }

  private:
    std::shared_ptr<const std::string> bytes_;
    size_t chunk_bytes_;
    hook before_;
    std::stop_token stop_;
    size_t done_ = 0;
  };

  std::map<std::string, std::shared_ptr<const std::string>> blobs_;
};

/// Remembers what it was told, file by file.
struct recording_observer : base::file_observer {
  std::vector<std::pair<std::string, std::string>> files;
  bool open = false;

  void begin(std::string_view path, uint64_t) override {
    EXPECT_FALSE(open);
    open = true;
    files.emplace_back(path, "");
  }
  void data(std::span<const std::byte> bytes) override {
    EXPECT_TRUE(open);
    files.back().second.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void end() override { open = false; }
};

class extract_test : public testing::Test {
protected:
  void SetUp() override {
    auto pattern = (std::filesystem::temp_directory_path() / "gkm-extract-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    base_ = pattern;
    std::ofstream(base_ / "canary") << "alive";
    std::filesystem::create_directory(base_ / "dir");
    image_.ref = {"registry.test", "team/cache", "v1", {}};
  }

  // Nothing but `dir` may have changed, whatever was tried.
  void TearDown() override {
    expect_canary_alive();
    std::filesystem::remove_all(base_);
  }

  void expect_canary_alive() const {
    std::vector<std::string> there;
    for (const auto& e : std::filesystem::directory_iterator(base_))
      there.push_back(e.path().filename());
    std::sort(there.begin(), there.end());
    EXPECT_EQ(there, (std::vector<std::string>{"canary", "dir"}));
    EXPECT_EQ(read(base_ / "canary"), "alive");
  }

  static std::string read(const std::filesystem::path& p) {
    std::ifstream in(p, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// Adds a layer of these tar bytes, in the form they have in the registry.
  descriptor& add_layer(const std::string& tar, std::string as_stored) {
    image_.content.layers.push_back(source_.add(std::move(as_stored)));
    image_.config.diff_ids.push_back(base::sha256::of(tar));
    image_.layer_bytes += image_.content.layers.back().size_bytes;
    return image_.content.layers.back();
  }
  descriptor& add_layer(const std::string& tar) { return add_layer(tar, tar); }
  descriptor& add_layer(const tar_builder& tar) { return add_layer(tar.finished()); }

  void clear_layers() {
    image_.content.layers.clear();
    image_.config.diff_ids.clear();
    image_.layer_bytes = 0;
  }

  result<extracted> run() {
    return extract(source_, image_, dir(), limits_, observer_, report_, stop_.get_token());
  }

  /// One uncompressed layer into an empty directory.
  result<extracted> run(const tar_builder& tar) {
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    clear_layers();
    add_layer(tar);
    return run();
  }

  /// Path → content; "-> target" for links, "/" for directories.
  std::map<std::string, std::string> tree() const {
    std::map<std::string, std::string> all;
    for (const auto& e : std::filesystem::recursive_directory_iterator(dir())) {
      auto path = e.path().lexically_relative(dir()).string();
      if (e.is_symlink())
        all[path] = "-> " + std::filesystem::read_symlink(e.path()).string();
      else
        all[path] = e.is_directory() ? "/" : read(e.path());
    }
    return all;
  }

  unsigned mode(const std::string& path) const {
    struct stat s {};
    EXPECT_EQ(lstat((dir() / path).c_str(), &s), 0) << path;
    return s.st_mode & 07777U;
  }

  std::filesystem::path dir() const { return base_ / "dir"; }

  std::filesystem::path base_;
  memory_source source_;
  resolved_image image_;
  extract_limits limits_;
  base::file_observer* observer_ = nullptr;
  progress report_;
  std::stop_source stop_;
};

using tree_map = std::map<std::string, std::string>;

/// A failure with this code whose text contains all of these.
inline void expect_error(const result<extracted>& r, errc code,
                         std::initializer_list<std::string_view> texts = {}) {
  ASSERT_FALSE(r.has_value());
  EXPECT_EQ(to_string(r.error().code), to_string(code)) << r.error().message;
  EXPECT_NE(r.error().message.find("registry.test/team/cache"), std::string::npos)
      << r.error().message;
  for (auto t : texts)
    EXPECT_NE(r.error().message.find(t), std::string::npos) << t << " in: " << r.error().message;
}

}  // namespace gkm::oci
