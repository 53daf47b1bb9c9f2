// Every way in which an honest tool stores a layer.
#include "extract_fixture.hpp"

#include <random>

namespace gkm::oci {
namespace {

std::string noise(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string s(size, '\0');
  for (auto& c : s) c = static_cast<char>(random() % 7 < 3 ? random() : 'a');
  return s;
}

tar_builder sample() {
  return tar_builder()
      .file("io.triton.cache/k/a.cubin", noise(300'001, 1))
      .file("io.triton.cache/k/b.json", "{}")
      .file("io.triton.cache/k/c.ptx", noise(49'999, 2));
}

tree_map sample_tree() {
  return {{"k", "/"},
          {"k/a.cubin", noise(300'001, 1)},
          {"k/b.json", "{}"},
          {"k/c.ptx", noise(49'999, 2)}};
}

// A skippable zstd frame with four bytes in it (RFC 8878, 3.1.2).
const std::string skippable("\x51\x2a\x4d\x18\x04\x00\x00\x00gkm!", 12);

// A gzip header with every optional field (RFC 1952): extra, name, comment, and no header CRC.
std::string with_long_gzip_header(std::string gz) {
  gz[3] = 4 | 8 | 16;
  std::string fields(
      "\x05\x00"
      "extra",
      7);
  fields += std::string(700, 'n') + '\0' + std::string(900, 'c') + '\0';
  // libarchive writes no name, so that the deflate data begins at byte 10.
  return gz.substr(0, 10) + fields + gz.substr(10);
}

}  // namespace

using stored_form = std::pair<const char*, std::function<std::string(const std::string&)>>;

class extract_forms_test : public extract_test, public testing::WithParamInterface<stored_form> {};

TEST_P(extract_forms_test, gives_the_same_files) {
  auto tar = sample().finished();
  auto stored = GetParam().second(tar);
  // Pieces of one byte find every place where a reader could lose its thread.
  for (size_t chunk : {size_t{1} << 20, size_t{65'536}, size_t{4'093}, size_t{1}}) {
    if (chunk == 1 && stored.size() > 900'000) continue;
    source_.chunk_bytes = chunk;
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    clear_layers();
    add_layer(tar, stored);
    auto r = run();
    ASSERT_TRUE(r) << r.error().message << " in pieces of " << chunk;
    EXPECT_TRUE(tree() == sample_tree()) << "in pieces of " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(
    forms, extract_forms_test,
    testing::Values(
        stored_form{"plain", [](const std::string& t) { return t; }},
        stored_form{"gzip", [](const std::string& t) { return gzipped(t); }},
        stored_form{"gzip_long_header",
                    [](const std::string& t) { return with_long_gzip_header(gzipped(t)); }},
        stored_form{"gzip_members",
                    [](const std::string& t) {
                      std::string all;
                      for (size_t i = 0; i < t.size(); i += 33'333)
                        all += gzipped(t.substr(i, 33'333));
                      return all;
                    }},
        stored_form{"gzip_empty_members",
                    [](const std::string& t) {
                      return gzipped("") + gzipped(t) + gzipped("") + gzipped("");
                    }},
        stored_form{"gzip_padded",
                    [](const std::string& t) { return gzipped(t) + std::string(10'240, '\0'); }},
        stored_form{"zstd", [](const std::string& t) { return zstd_compressed(t); }},
        stored_form{"zstd_frames",
                    [](const std::string& t) {
                      return skippable + zstd_compressed(t.substr(0, 5'000)) + skippable +
                             zstd_compressed(t.substr(5'000));
                    }}),
    [](const auto& i) { return i.param.first; });

TEST_F(extract_test, gzip_output_may_end_exactly_with_a_block) {
  for (size_t size : {size_t{256} << 10, size_t{512} << 10, (size_t{512} << 10) + 1}) {
    auto tar = tar_builder().file("io.triton.cache/a", std::string(size - 1'536, 'x')).finished();
    ASSERT_EQ(tar.size(), size + (size % 512 ? 511 : 0));
    for (const auto& stored : {gzipped(tar), zstd_compressed(tar)}) {
      std::filesystem::remove_all(dir());
      std::filesystem::create_directory(dir());
      clear_layers();
      add_layer(tar, stored);
      auto r = run();
      ASSERT_TRUE(r) << r.error().message;
      EXPECT_EQ(r->bytes, size - 1'536);
    }
  }
}

TEST_F(extract_test, long_names_of_both_kinds) {
  std::string part(120, 'p');
  auto path = part + "/" + part + "/" + part.substr(0, 58);
  auto name = "io.triton.cache/" + path;
  for (const auto& tar : {tar_builder().pax({{"path", name}}).file("short", "pax"),
                          tar_builder().gnu_long('L', name).file("short", "gnu")}) {
    auto r = run(tar);
    ASSERT_TRUE(r) << r.error().message;
    EXPECT_EQ(tree().count(path), 1U);
  }
}

TEST_F(extract_test, long_link_targets) {
  std::string target(140, 't');
  auto r = run(tar_builder().gnu_long('K', target).symlink("io.triton.cache/l", "short"));
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(tree(), (tree_map{{"l", "-> " + target}}));
}

TEST_F(extract_test, names_are_utf8_whatever_the_locale) {
  auto r = run(tar_builder()
                   .pax({{"path", "io.triton.cache/größe/カーネル"}})
                   .file("short", "1")
                   .file("io.triton.cache/größe/é", "2"));
  ASSERT_TRUE(r) << r.error().message;
  EXPECT_EQ(tree(), (tree_map{{"größe", "/"}, {"größe/é", "2"}, {"größe/カーネル", "1"}}));
}

TEST_F(extract_test, end_of_archive_is_optional_and_what_follows_it_is_ignored) {
  auto tar = tar_builder().file("io.triton.cache/a", "1");
  for (const auto& bytes :
       {tar.bytes(), tar.bytes() + std::string(512, '\0'), tar.finished() + "trailing rubbish",
        tar.finished() + tar_builder().file("io.triton.cache/hidden", "").finished()}) {
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    clear_layers();
    add_layer(bytes);
    auto r = run();
    ASSERT_TRUE(r) << r.error().message;
    EXPECT_EQ(tree(), (tree_map{{"a", "1"}}));
  }
}

TEST_F(extract_test, other_compressions_are_called_by_name) {
  add_layer("", "BZh91AY&SY");
  expect_error(run(), errc::malformed, {"bzip2", "gzip, zstd or none"});
  clear_layers();
  add_layer("", std::string("\xfd\x37zXZ\0\0\0", 8));
  expect_error(run(), errc::malformed, {"xz"});
}

TEST_F(extract_test, what_is_no_tar_is_malformed) {
  for (const std::string& bytes : {std::string(), std::string("x"), std::string(5'000, 'x'),
                                   gzipped("hello"), zstd_compressed("hello")}) {
    clear_layers();
    add_layer("", bytes);
    expect_error(run(), errc::malformed, {"layer 1 of 1 'sha256:"});
  }
}

}  // namespace gkm::oci
