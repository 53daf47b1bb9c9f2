// Bytes that are not what they should be: cut off, flipped, replaced, made up.
#include "extract_fixture.hpp"

#include <random>

namespace gkm::oci {
namespace {

const std::string in = "io.triton.cache/";

tar_builder sample() {
  return tar_builder()
      .directory(in + "d")
      .file(in + "d/a.json", R"({"hash":"x"})")
      .pax({{"path", in + "d/" + std::string(130, 'n')}})
      .file("short", std::string(3'000, 'p'))
      .symlink(in + "l", "d/a.json")
      .hard_link(in + "h", in + "d/a.json")
      .file("io.triton.manifest/manifest.json", "{}");
}

}  // namespace

TEST_F(extract_test, wrong_digest_is_corrupt_and_names_both) {
  auto tar = tar_builder().file(in + "a", "good").finished();
  auto other = tar_builder().file(in + "a", "evil").finished();
  auto& d = add_layer(tar);
  source_.swap_content(d, other);
  expect_error(run(), errc::corrupt, {d.content.str(), base::sha256::of(other).str()});
}

TEST_F(extract_test, wrong_length_is_corrupt_and_names_both) {
  auto tar = tar_builder().file(in + "a", "good").finished();
  auto& d = add_layer(tar);
  source_.swap_content(d, tar.substr(0, tar.size() - 512));
  expect_error(run(), errc::corrupt,
               {std::to_string(tar.size()), std::to_string(tar.size() - 512)});
  source_.swap_content(d, tar + tar);
  std::filesystem::remove_all(dir() / "a");
  expect_error(run(), errc::corrupt, {"more than " + std::to_string(tar.size())});
}

TEST_F(extract_test, wrong_diff_id_is_malformed_and_names_layer_and_both) {
  auto tar = tar_builder().file(in + "a", "good").finished();
  add_layer(tar_builder().file(in + "b", ""));
  add_layer(tar, gzipped(tar));
  image_.config.diff_ids[1] = base::sha256::of("other");
  expect_error(run(), errc::malformed,
               {"layer 2 of 2", base::sha256::of(tar).str(), base::sha256::of("other").str()});
}

TEST_F(extract_test, diff_ids_must_be_as_many_as_layers) {
  add_layer(tar_builder().file(in + "a", ""));
  image_.config.diff_ids.push_back(base::sha256::of("x"));
  expect_error(run(), errc::malformed, {"1 layers", "2 diff_ids"});
}

TEST_F(extract_test, damage_is_called_corrupt_whatever_it_looks_like) {
  auto tar = sample().finished();
  for (const auto& stored : {gzipped(tar), zstd_compressed(tar)}) {
    clear_layers();
    auto& d = add_layer(tar, stored);
    source_.swap_content(d, stored.substr(0, 30) + std::string(stored.size() - 30, 'X'));
    expect_error(run(), errc::corrupt, {"digest"});
  }
  clear_layers();
  auto& d = add_layer(tar);
  source_.swap_content(d, std::string(tar.size(), 'X'));
  expect_error(run(), errc::corrupt, {"digest"});
}

TEST_F(extract_test, good_digest_over_damaged_bytes_is_malformed) {
  auto tar = tar_builder().file(in + "a", std::string(100'000, 'a')).finished();
  auto gz = gzipped(tar);
  auto crc = gz;
  crc[crc.size() - 6] ^= 1;
  auto length = gz;
  length[length.size() - 2] ^= 1;
  auto z = zstd_compressed(tar);
  struct {
    std::string stored;
    const char* text;
  } cases[] = {{crc, "checksum"},
               {length, "checksum or length"},
               {gz.substr(0, gz.size() - 1), "too early"},
               {gz.substr(0, gz.size() / 2), "too early"},
               {gz + "some more rubbish", "gzip header"},
               {gz + std::string(512, '\0') + "x", "other bytes follow"},
               {z.substr(0, z.size() - 1), "too early"},
               {z + "rubbish", "zstd stream is damaged"},
               {tar.substr(0, 50'000), "Truncated"},
               {tar.substr(0, 100), "tar"}};
  for (const auto& c : cases) {
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    clear_layers();
    add_layer(tar, c.stored);
    image_.config.diff_ids.clear();
    expect_error(run(), errc::malformed, {c.text, "layer 1 of 1"});
  }
}

TEST_F(extract_test, truncated_anywhere_it_fails_or_loses_nothing) {
  auto tar = sample().finished();
  auto whole = run(sample());
  ASSERT_TRUE(whole);
  auto expected = tree();
  size_t complete = 0;
  for (size_t size = 0; size < tar.size(); size += 61) {
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    clear_layers();
    add_layer(tar.substr(0, size));
    auto r = run();
    // Between two entries a cut looks like an end without its mark, which tar accepts: that is what
    // the digests are for.
    complete += r.has_value();
    EXPECT_TRUE(r || r.error().code == errc::malformed) << size << " " << r.error().message;
    for (const auto& [path, content] : tree()) {
      EXPECT_TRUE(!r || content == expected.at(path)) << size << " " << path;
    }
  }
  EXPECT_GT(complete, 0U);
}

TEST_F(extract_test, flipped_bits_never_pass) {
  auto tar = sample().finished();
  std::mt19937 random(11);
  for (const auto& stored : {tar, gzipped(tar), zstd_compressed(tar)}) {
    for (int i = 0; i < 150; ++i) {
      auto bytes = stored;
      bytes[random() % bytes.size()] ^= static_cast<char>(1U << random() % 8);
      std::filesystem::remove_all(dir());
      std::filesystem::create_directory(dir());
      clear_layers();
      source_.swap_content(add_layer(tar, stored), bytes);
      auto r = run();
      ASSERT_FALSE(r);
      EXPECT_NE(r.error().code, errc::internal) << r.error().message;
      EXPECT_NE(r.error().code, errc::io) << r.error().message;
    }
  }
}

// The digests agree with whatever the bytes are, so that the parsers see all of it.
TEST_F(extract_test, mutated_layers_do_no_harm) {
  auto tar = sample().finished();
  const std::string forms[] = {tar, gzipped(tar), zstd_compressed(tar)};
  std::mt19937 random(2024);
  size_t good = 0;
  limits_.bytes = 1 << 20;
  for (int i = 0; i < 2'000; ++i) {
    auto bytes = forms[random() % 8 < 6 ? 0 : 1 + random() % 2];
    for (auto n = random() % 4 + 1; n > 0; --n) {
      auto at = random() % bytes.size();
      switch (random() % 5) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] ^= static_cast<char>(1U << random() % 8);
          break;
        case 2:
          bytes.erase(at, random() % 600);
          break;
        case 3:
          bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 1'200));
          break;
        case 4:
          bytes.replace(at / 512 * 512 + random() % 8, 3, "../");
          break;
      }
      if (bytes.empty()) bytes = "x";
    }
    std::filesystem::remove_all(dir());
    std::filesystem::create_directory(dir());
    clear_layers();
    add_layer(tar, bytes);
    image_.config.diff_ids.clear();
    source_.chunk_bytes = random() % 5'000 + 1;
    auto r = run();
    good += r.has_value();
    ASSERT_TRUE(r || r.error().code != errc::internal) << i << " " << r.error().message;
    expect_canary_alive();
    ASSERT_FALSE(HasFailure()) << i;
  }
  EXPECT_GT(good, 0U);  // else nothing was tried beyond the first check
}

}  // namespace gkm::oci
