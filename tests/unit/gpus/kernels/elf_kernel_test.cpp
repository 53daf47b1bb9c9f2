#include "gpus/kernels/elf_kernel.hpp"

#include "gpus/kernels/image_capture.hpp"
#include "tests/support/elf_builder.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace gkm::gpus {
namespace {

using test::cubin_abi7;
using test::cubin_abi8;
using test::hsaco;

std::span<const std::byte> as_bytes(const std::string& s) { return std::as_bytes(std::span(s)); }

std::optional<found_kernel> read(const std::string& image) {
  image_capture capture;
  capture.feed(as_bytes(image));
  capture.finish();
  return capture.kernel();
}

std::string told(const test::elf_image& image) {
  auto found = read(image.build());
  if (!found) return "no kernel";
  return found->info.problem.empty() ? found->info.built_for.str() : found->info.problem;
}

test::elf_image with(test::elf_image image, test::elf_section section) {
  image.sections.push_back(std::move(section));
  return image;
}

test::elf_image with_flags(test::elf_image image, uint32_t flags) {
  image.flags = flags;
  return image;
}

}  // namespace

TEST(cubin, abi_7_tells_all_in_its_flags) {
  EXPECT_EQ(told({}), "sm_75");  // 0x004b054b, as measured
  EXPECT_EQ(told(cubin_abi7(80)), "sm_80");
  EXPECT_EQ(told(cubin_abi7(90)), "sm_90");
  EXPECT_EQ(told(cubin_abi7(90, true)), "sm_90a");
  EXPECT_EQ(told(with_flags({}, 0x005a0d5a)), "sm_90a");  // CUDA 12.9, as measured
  EXPECT_EQ(told(cubin_abi7(80, true)), "sm_80");         // no such thing as 80a
}

TEST(cubin, abi_8_has_its_architecture_elsewhere) {
  for (auto [flags, want] : {std::pair{0x06004b04u, "sm_75"},
                             {0x06005004u, "sm_80"},
                             {0x06005a04u, "sm_90"},
                             {0x06006402u, "sm_100"},
                             {0x06007802u, "sm_120"},
                             {0x0600640au, "sm_100a"},     // CUDA 12.9
                             {0x0600650au, "sm_101a"}}) {  // CUDA 12.9
    EXPECT_EQ(told(with_flags(cubin_abi8(75), flags)), want) << flags;
  }
}

TEST(cubin, abi_8_has_its_suffix_in_sections) {
  const auto f_note = test::tool_info("-arch sm_100f ");
  EXPECT_EQ(told(cubin_abi8(90, true)), "sm_90a");
  EXPECT_EQ(told(cubin_abi8(90, false)), "sm_90");
  EXPECT_EQ(told(with(cubin_abi8(100, false), f_note)), "sm_100f");
  EXPECT_EQ(told(with(cubin_abi8(100, true), f_note)), "sm_100a");
  EXPECT_EQ(told(with(cubin_abi8(100), f_note)), "sm_100f");
  EXPECT_EQ(told(with(cubin_abi8(100), test::tool_info("-arch=sm_100a -O3"))), "sm_100a");
  EXPECT_EQ(told(with(cubin_abi8(100), test::tool_info("-arch sm_100 "))), "sm_100");
  EXPECT_EQ(told(with(cubin_abi8(100, false), test::tool_info("-arch sm_100a "))), "sm_100");
  EXPECT_EQ(told(with(cubin_abi8(103), f_note)), "sm_103");  // the note speaks of another
  EXPECT_EQ(told(with(cubin_abi8(100), test::tool_info("-archive -arch sm_100f"))), "sm_100f");
  EXPECT_EQ(told(with(cubin_abi8(90), test::tool_info("-arch sm_90f"))), "sm_90");
}

// The sections as ptxas of CUDA 12.9 and 13.5 write them.
TEST(cubin, abi_8_as_measured) {
  const std::string of_12{"\x02\x02\x01\0\x02\x05\x05\0\x02\x03\0\0\x02\x06\x01\0", 16};
  const std::string of_13_a{
      "\x02\x09\x01\0\x02\x0c\0\0\x02\x02\x01\0\x03\x0d\x01\x01\x02\x03\0\0"
      "\x04\x0b\x08\0\0\0\0\0\0\0\0\0\x03\x0e\x40\x04",
      36};
  auto of_13 = of_13_a;
  of_13[2] = 0;
  auto built = [](uint32_t sm, const std::string& compat, const std::string& options) {
    auto image = with(cubin_abi8(sm), {".nv.compat", 0x70000086, compat});
    return told(with(image, test::tool_info(options)));
  };
  EXPECT_EQ(built(100, of_12, "-arch sm_100 "), "sm_100");
  EXPECT_EQ(built(100, of_12, "-arch sm_100f "), "sm_100f");
  EXPECT_EQ(built(90, of_13, "-arch sm_90 "), "sm_90");
  EXPECT_EQ(built(90, of_13_a, "-arch sm_90a "), "sm_90a");
  EXPECT_EQ(built(103, of_13, "-arch sm_103f "), "sm_103f");
}

TEST(cubin, an_open_suffix_is_said_to_be_open) {
  EXPECT_TRUE(read(cubin_abi8(90).build())->open_suffix);
  EXPECT_FALSE(read(cubin_abi8(90, false).build())->open_suffix);
  EXPECT_FALSE(read(cubin_abi8(75).build())->open_suffix);
  EXPECT_FALSE(read(cubin_abi7(90).build())->open_suffix);
  EXPECT_FALSE(read(with(cubin_abi8(90), test::tool_info("-arch sm_90")).build())->open_suffix);
}

TEST(cubin, unknown_numbers_are_a_problem_not_a_guess) {
  EXPECT_EQ(told(cubin_abi7(0)), "unknown architecture 0x0 (CUDA)");
  EXPECT_EQ(told(cubin_abi7(7)), "unknown architecture 0x7 (CUDA)");
  EXPECT_EQ(told(cubin_abi8(250)), "unknown architecture 0xfa (CUDA)");
  auto next = cubin_abi8(90);
  next.abi_version = 9;
  EXPECT_EQ(told(next), "unknown CUDA ABI version 9");
}

TEST(hsaco, tells_architecture_and_switches) {
  auto read_target = [](uint32_t flags, uint8_t abi) {
    return read(hsaco(static_cast<uint8_t>(flags), flags & ~0xffu, abi).build())->info.built_for;
  };
  auto gfx90a = [](feature xnack, feature sramecc) {
    return target{"hip", "gfx90a", 0, xnack, sramecc};
  };
  EXPECT_EQ(read_target(0x53f, 2), gfx90a(feature::any, feature::any));  // as measured
  EXPECT_EQ(read_target(0x03f, 3), gfx90a(feature::unstated, feature::unstated));
  EXPECT_EQ(read_target(0x63f, 4), gfx90a(feature::off, feature::any));
  EXPECT_EQ(read_target(0xb3f, 3), gfx90a(feature::on, feature::off));
  EXPECT_EQ(read_target(0xe3f, 3), gfx90a(feature::off, feature::on));
  EXPECT_EQ(read_target(0x03f, 1), gfx90a(feature::off, feature::off));
  EXPECT_EQ(read_target(0x13f, 1), gfx90a(feature::on, feature::off));
  EXPECT_EQ(read_target(0x23f, 1), gfx90a(feature::off, feature::on));
  EXPECT_EQ(read_target(0x036, 1), (target{"hip", "gfx1030"}));
  EXPECT_EQ(read_target(0x0100005f, 4).arch, "gfx9-4-generic");
}

TEST(hsaco, unknown_numbers_are_a_problem_not_a_guess) {
  EXPECT_EQ(told(hsaco(0xee)), "unknown architecture 0xee (AMD)");
  EXPECT_EQ(told(hsaco(0x00)), "unknown architecture 0x0 (AMD)");
  EXPECT_EQ(told(hsaco(0x3f, 0, 0)), "unknown AMD code object ABI version 0");
  EXPECT_EQ(told(hsaco(0x3f, 0, 5)), "unknown AMD code object ABI version 5");
}

TEST(hsaco, with_its_metadata_note_is_read_the_same) {
  EXPECT_EQ(told(with(hsaco(0x4c), test::amd_metadata("amdgcn-amd-amdhsa--gfx942"))), "gfx942");
}

TEST(elf, anything_but_a_kernel_is_none) {
  const auto good = cubin_abi7(75).build();
  ASSERT_TRUE(read(good));
  auto changed = [&](size_t at, char value) {
    auto image = good;
    image[at] = value;
    return read(image).has_value();
  };
  EXPECT_FALSE(changed(0, 'x'));
  EXPECT_FALSE(changed(4, 1));     // 32 bit
  EXPECT_FALSE(changed(5, 2));     // big endian
  EXPECT_FALSE(changed(6, 0));     // version
  EXPECT_FALSE(changed(7, 0));     // System V
  EXPECT_FALSE(changed(7, 0x40));  // AMD's, on an NVIDIA machine
  EXPECT_FALSE(changed(12, 1));    // padding
  EXPECT_FALSE(changed(16, 4));    // a core file
  EXPECT_FALSE(changed(18, 62));   // x86-64
  EXPECT_FALSE(changed(52, 63));   // size of the header
  EXPECT_FALSE(changed(58, 40));   // size of a section's entry
  EXPECT_FALSE(read(""));
  test::elf_image aarch64;
  aarch64.machine = 183;
  EXPECT_EQ(told(aarch64), "no kernel");
}

TEST(elf, may_be_cut_short_anywhere) {
  const auto image = with(cubin_abi8(100, false), test::tool_info("-arch sm_100f ")).build();
  for (size_t size = 0; size <= image.size(); ++size) {
    auto found = read(image.substr(0, size));
    ASSERT_EQ(found.has_value(), size >= elf_header_bytes) << size;
    if (!found) continue;
    EXPECT_EQ(found->end, image.size());
    EXPECT_EQ(found->open_suffix, size < image.size()) << size;
    EXPECT_EQ(found->info.built_for.arch, size < image.size() ? "100" : "100f") << size;
  }
}

TEST(elf, may_lie_about_its_sections) {
  auto lie = [](uint64_t offset, uint16_t count) {
    auto image = cubin_abi8(90, true);
    image.section_offset = offset;
    image.section_count = count;
    return image;
  };
  for (uint64_t offset : {uint64_t{0}, uint64_t{1}, uint64_t{63}, uint64_t{1} << 20,
                          uint64_t{1} << 40, UINT64_MAX - 64, UINT64_MAX})
    for (uint16_t count : {0, 1, 2, 100, 65535})
      EXPECT_TRUE(told(lie(offset, count)).starts_with("sm_90")) << offset << " " << count;

  auto padded = lie(64, 65535).build();
  padded.resize(64 + 65535 * 64, '\x07');  // every entry a note that ends far outside
  EXPECT_EQ(read(padded)->info.built_for.arch, "90");
}

TEST(elf, may_lie_about_a_section) {
  auto image = cubin_abi8(90, true).build();
  const auto table = image.size() - 4 * 64;
  auto lie = [&](size_t field, uint64_t value) {
    auto copy = image;
    std::memcpy(&copy[table + 2 * 64 + field], &value, sizeof value);
    return read(copy)->info.built_for.arch;
  };
  ASSERT_EQ(read(image)->info.built_for.arch, "90a");
  for (uint64_t value : {uint64_t{1} << 30, UINT64_MAX - 3, UINT64_MAX}) {
    EXPECT_EQ(lie(24, value), "90") << value;  // offset
    EXPECT_EQ(lie(32, value), "90") << value;  // size
  }
  EXPECT_EQ(lie(32, 3), "90");
  EXPECT_EQ(lie(32, 0), "90");
}

TEST(elf, notes_and_records_may_lie_about_their_sizes) {
  for (size_t at : {0, 4})
    for (uint32_t value : {0u, 1u, 0x7fffffffu, 0xfffffffdu, 0xffffffffu}) {
      auto note = test::tool_info("-arch sm_100f ");
      std::memcpy(&note.content[at], &value, sizeof value);
      EXPECT_EQ(told(with(cubin_abi8(100), note)), "sm_100") << at << " " << value;
    }
  const std::string payload_too_long{"\x04\x0b\xff\xff\x02\x09\x01\x00", 8};
  EXPECT_EQ(told(with(cubin_abi8(90), {".nv.compat", 0x70000086, payload_too_long})), "sm_90");
}

TEST(elf, random_damage_does_no_harm) {
  std::minstd_rand random(1);
  const auto image = with(cubin_abi8(100, false), test::tool_info("-arch sm_100f ")).build();
  for (int i = 0; i < 20000; ++i) {
    auto damaged = image;
    for (int n = 0; n < 4; ++n) damaged[random() % damaged.size()] = static_cast<char>(random());
    auto found = read(damaged);
    ASSERT_TRUE(!found || found->info.problem.empty() != found->info.built_for.arch.empty());
  }
}

}  // namespace gkm::gpus
