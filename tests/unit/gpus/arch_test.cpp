#include "gpus/arch.hpp"

#include <gtest/gtest.h>

#include <set>

namespace gkm::gpus {

TEST(cuda_arch, parses_what_exists) {
  struct row {
    std::string_view text;
    std::optional<cuda_arch> want;
  };
  const row rows[] = {
      {"75", cuda_arch{75, 0}},
      {"90", cuda_arch{90, 0}},
      {"90a", cuda_arch{90, 'a'}},
      {"100f", cuda_arch{100, 'f'}},
      {"121", cuda_arch{121, 0}},
      {"", {}},
      {"a", {}},
      {"7", {}},
      {"075", {}},
      {"0", {}},
      {"1000", {}},
      {"200", {}},
      {"12", {}},
      {"75a", {}},
      {"90f", {}},
      {"90aa", {}},
      {"sm_75", {}},
      {"-75", {}},
      {" 75", {}},
      {"7.5", {}},
      {"90A", {}},
  };
  for (const auto& r : rows) EXPECT_EQ(parse_cuda_arch(r.text), r.want) << r.text;
}

TEST(cuda_arch, runs_where_a_framework_would_look) {
  struct row {
    cuda_arch built_for;
    uint32_t sm;
    bool want;
  };
  const row rows[] = {
      {{75, 0}, 75, true},      {{75, 0}, 80, false},     {{80, 0}, 86, false},
      {{90, 'a'}, 90, true},    {{90, 'a'}, 100, false},  {{100, 'a'}, 100, true},
      {{100, 'a'}, 103, false}, {{100, 'f'}, 100, true},  {{100, 'f'}, 103, true},
      {{100, 'f'}, 101, false}, {{100, 'f'}, 110, false}, {{100, 'f'}, 120, false},
      {{103, 'f'}, 103, true},  {{103, 'f'}, 100, false}, {{101, 'f'}, 101, true},
      {{101, 'f'}, 103, false}, {{110, 'f'}, 110, true},  {{120, 'f'}, 120, true},
      {{120, 'f'}, 121, true},  {{121, 'f'}, 120, false},
  };
  for (const auto& r : rows)
    EXPECT_EQ(runs_on(r.built_for, r.sm), r.want) << r.built_for.str() << " on " << r.sm;
}

TEST(amd_arch, numbers_name_architectures) {
  const std::pair<int, std::string_view> rows[] = {
      {0x2c, "gfx900"},          {0x2f, "gfx906"},          {0x30, "gfx908"},
      {0x3f, "gfx90a"},          {0x4c, "gfx942"},          {0x4f, "gfx950"},
      {0x36, "gfx1030"},         {0x41, "gfx1100"},         {0x46, "gfx1101"},
      {0x47, "gfx1102"},         {0x43, "gfx1150"},         {0x4a, "gfx1151"},
      {0x48, "gfx1200"},         {0x4e, "gfx1201"},         {0x51, "gfx9-generic"},
      {0x52, "gfx10-1-generic"}, {0x53, "gfx10-3-generic"}, {0x54, "gfx11-generic"},
      {0x59, "gfx12-generic"},   {0x5f, "gfx9-4-generic"},
  };
  for (const auto& [mach, name] : rows) {
    const auto* arch = find_amd_arch(static_cast<uint8_t>(mach));
    ASSERT_TRUE(arch) << mach;
    EXPECT_EQ(arch->name, name);
  }
  for (int mach : {0x00, 0x01, 0x1f, 0x27, 0x4d, 0x60, 0xff})
    EXPECT_FALSE(find_amd_arch(static_cast<uint8_t>(mach))) << mach;
}

TEST(amd_arch, table_is_sound) {
  std::set<std::string_view> names;
  for (int mach = 0; mach < 256; ++mach) {
    const auto* arch = find_amd_arch(static_cast<uint8_t>(mach));
    if (!arch) continue;
    EXPECT_TRUE(is_amd_arch(arch->name)) << arch->name;
    EXPECT_TRUE(names.insert(arch->name).second) << arch->name;
    EXPECT_EQ(is_generic(arch->name), arch->name.ends_with("-generic"));
  }
}

TEST(amd_arch, names_by_form) {
  for (auto good : {"gfx90a", "gfx942", "gfx1100", "gfx906", "gfx90c", "gfx9-4-generic"})
    EXPECT_TRUE(is_amd_arch(good)) << good;
  for (auto wrong : {"", "gfx", "gfx9", "gfx90", "gfx90g", "gfx90A", "gfx0900", "gfx11000",
                     "gfx9a0", "gfx7-generic", "gfx90a:xnack+", "sm_90", "foo", " gfx90a"})
    EXPECT_FALSE(is_amd_arch(wrong)) << wrong;
}

TEST(amd_arch, generic_targets_have_members) {
  EXPECT_TRUE(is_member("gfx9-generic", "gfx906"));
  EXPECT_FALSE(is_member("gfx9-generic", "gfx908"));
  EXPECT_FALSE(is_member("gfx9-generic", "gfx90a"));
  EXPECT_TRUE(is_member("gfx9-4-generic", "gfx942"));
  EXPECT_TRUE(is_member("gfx9-4-generic", "gfx950"));
  EXPECT_FALSE(is_member("gfx9-4-generic", "gfx90a"));
  EXPECT_TRUE(is_member("gfx10-1-generic", "gfx1013"));
  EXPECT_FALSE(is_member("gfx10-1-generic", "gfx1030"));
  EXPECT_TRUE(is_member("gfx10-3-generic", "gfx1036"));
  EXPECT_TRUE(is_member("gfx11-generic", "gfx1100"));
  EXPECT_TRUE(is_member("gfx11-generic", "gfx1151"));
  EXPECT_FALSE(is_member("gfx11-generic", "gfx1170"));
  EXPECT_TRUE(is_member("gfx12-generic", "gfx1201"));
  EXPECT_FALSE(is_member("gfx12-generic", "gfx1250"));
  EXPECT_FALSE(is_member("gfx12-generic", ""));
  EXPECT_FALSE(is_member("gfx90a", "gfx90a"));
}

}  // namespace gkm::gpus
