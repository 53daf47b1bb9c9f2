#include "gpus/kernels/image_search.hpp"

#include "tests/support/elf_builder.hpp"

#include <gtest/gtest.h>

#include <random>

namespace gkm::gpus {
namespace {

using test::cubin_abi7;
using test::cubin_abi8;
using test::hsaco;

struct outcome {
  std::vector<std::string> found;
  bool truncated = false;
};

outcome search(const std::string& stream, size_t first_cut, size_t block) {
  outcome out;
  image_search finder([&](const found_kernel& k) {
    out.found.push_back(k.info.problem.empty() ? k.info.built_for.str() : k.info.problem);
  });
  const auto bytes = std::as_bytes(std::span(stream));
  finder.feed(bytes.first(std::min(first_cut, bytes.size())));
  for (size_t at = std::min(first_cut, bytes.size()); at < bytes.size(); at += block)
    finder.feed(bytes.subspan(at, std::min(block, bytes.size() - at)));
  finder.finish();
  out.truncated = finder.truncated();
  return out;
}

outcome search(const std::string& stream) { return search(stream, stream.size(), 1); }

std::string noise(size_t size) {
  std::minstd_rand random(7);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random() >> 8);
  return out;
}

using list = std::vector<std::string>;

}  // namespace

TEST(image_search, finds_kernels_among_other_bytes) {
  const auto stream = noise(1000) + cubin_abi7(75).build() + noise(1001) +
                      hsaco(0x3f, 0x500).build() + noise(333) + cubin_abi8(90, true).build() +
                      noise(50);
  auto out = search(stream);
  EXPECT_EQ(out.found, (list{"sm_75", "gfx90a", "sm_90a"}));
  EXPECT_FALSE(out.truncated);
}

TEST(image_search, does_not_care_where_blocks_end) {
  const auto stream =
      noise(10) + cubin_abi8(90, true).build() + noise(5) + hsaco(0x4c).build() + noise(5);
  for (size_t cut = 0; cut <= stream.size(); ++cut)
    ASSERT_EQ(search(stream, cut, stream.size()).found, (list{"sm_90a", "gfx942"})) << cut;
  for (size_t block = 1; block <= 130; ++block)
    ASSERT_EQ(search(stream, block, block).found, (list{"sm_90a", "gfx942"})) << block;
}

TEST(image_search, finds_neighbours) {
  const auto a = cubin_abi8(90, true).build();
  const auto b = cubin_abi8(100, false).build();
  EXPECT_EQ(search(a + b).found, (list{"sm_90a", "sm_100"}));
  EXPECT_EQ(search(a + b, 7, 13).found, (list{"sm_90a", "sm_100"}));
  EXPECT_EQ(search(a + a + a).found.size(), 3u);
}

TEST(image_search, finds_what_another_image_claims_to_cover) {
  auto liar = cubin_abi8(90);
  liar.section_offset = 1 << 20;
  const auto stream = liar.build() + hsaco(0x3f).build() + noise(100);
  auto out = search(stream, 100, 100);
  std::sort(out.found.begin(), out.found.end());
  EXPECT_EQ(out.found, (list{"gfx90a", "sm_90"}));
  EXPECT_TRUE(out.truncated);
}

TEST(image_search, takes_no_host_code_and_no_chance_magic_for_a_kernel) {
  test::elf_image host;
  host.machine = 62;
  host.os_abi = 0;
  EXPECT_EQ(search(host.build() + noise(100)).found, list{});
  EXPECT_EQ(search(std::string(4096, '\x7f')).found, list{});
  std::string magics;
  for (int i = 0; i < 1000; ++i)
    magics +=
        "\x7f"
        "ELF";
  EXPECT_EQ(search(magics).found, list{});
  EXPECT_EQ(search("\x7f\x7f\x7f" + hsaco(0x3f).build(), 2, 3).found, list{"gfx90a"});
}

TEST(image_search, is_not_led_astray_by_many_false_beginnings) {
  const auto image = hsaco(0x3f).build();
  for (size_t run : {1, 7, 8, 9, 100, 5000})
    for (std::string filler : {"\x7f",
                               "\x7f"
                               "E",
                               "\x7f"
                               "EL",
                               "\x7f"
                               "ELG",
                               "\x7fxxxxxxxxxxxxxxx"}) {
      std::string stream;
      for (size_t i = 0; i < run; ++i) stream += filler;
      stream += image + stream + image + stream;
      EXPECT_EQ(search(stream).found.size(), 2u) << run << filler;
      EXPECT_EQ(search(stream, 100, 333).found.size(), 2u) << run << filler;
    }
}

TEST(image_search, reports_what_it_cannot_name) {
  EXPECT_EQ(search(noise(9) + hsaco(0xee).build()).found, list{"unknown architecture 0xee (AMD)"});
}

TEST(image_search, sees_that_the_stream_ends_too_early) {
  const auto image = noise(20) + cubin_abi8(90, true).build();
  for (size_t size = 20; size < image.size(); ++size) {
    auto out = search(image.substr(0, size), 50, 50);
    EXPECT_EQ(out.found, size >= 84 ? list{"sm_90"} : list{}) << size;
    EXPECT_EQ(out.truncated, size >= 84) << size;
  }
}

TEST(image_search, judges_large_images_by_their_header) {
  auto large = cubin_abi8(90, true);
  large.sections.insert(large.sections.begin(), {".text", 1, std::string(max_image_bytes, 'x')});
  auto fits = cubin_abi8(90, true);
  fits.sections.insert(fits.sections.begin(),
                       {".text", 1, std::string(max_image_bytes - 4096, 'x')});
  EXPECT_EQ(search(large.build() + hsaco(0x3f).build(), 1 << 18, 1 << 18).found,
            (list{"sm_90", "gfx90a"}));
  EXPECT_EQ(search(fits.build() + hsaco(0x3f).build(), 1 << 18, 1 << 18).found,
            (list{"sm_90a", "gfx90a"}));
}

TEST(image_search, holds_a_bounded_amount_however_many_images_overlap) {
  auto liar = cubin_abi8(90);
  liar.section_offset = max_image_bytes - 4 * 64;
  liar.sections.clear();
  std::string stream;
  for (int i = 0; i < 10000; ++i) stream += liar.build();
  auto out = search(stream, 1 << 16, 1 << 16);
  EXPECT_EQ(out.found.size(), 10000u);
}

}  // namespace gkm::gpus
